"""Evaluations beside the chat: one at a time, in a thread of its own, with progress and a way to stop."""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from chatbot import evaluate, report, report_page, starting
from chatbot.answer import Chatbot
from chatbot.background import start_thread
from chatbot.corpus import Query, read_qrels, read_queries, split_names, split_queries
from chatbot.errors import ChatbotError, CorpusError
from chatbot.feedback import Feedback
from chatbot.index import PassageIndex
from chatbot.result import AnswerFigures, Ranking, Result, Settings, keep_result, last_result

MOST_QUESTIONS = 100_000
STARTING_SET = 50
STOPPED = "Stopped. Nothing was changed."
BROKEN = "something went wrong; the window Footnote was started from says what"
DRAWN = importlib.util.find_spec("matplotlib") is not None  # without it there are figures but no report

Item = TypeVar("Item")


@dataclass(frozen=True)
class Split:
    name: str
    questions: int
    generated: int


@dataclass(frozen=True)
class State:
    """What is, or was last, done for one collection. `total` is 0 where it is not known."""

    collection: str
    running: bool = False
    stage: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    result: Result | None = None
    note: str = ""  # why there is no new result: stopped, or what went wrong


class Stopped(Exception):
    pass


Tell = Callable[[str, int, int], None]  # stage, done, total; raises Stopped when it is time to stop


class Evaluations:
    """The evaluations of all collections; they share the processor, so there is one at a time."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """`files`: where the last result of each collection is kept."""
        self._files = files
        self._lock = threading.Lock()
        self._states = {name: State(name, result=last_result(file)) for name, file in files.items()}
        self._running = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> str:
        """The name of the collection that is being evaluated, or ""."""
        return self._running

    def state(self, collection: str) -> State:
        return self._states.get(collection, State(collection))

    def start(self, collection: str, corpus: Path, chatbot: Chatbot, settings: Settings) -> None:
        """Begin in the background. Raises ChatbotError when one is running or the split is not there."""
        split_queries(corpus, settings.split)
        with self._lock:
            if self._running:
                raise ChatbotError(f"an evaluation of “{self._running}” is running; wait for it, or stop it")
            self._running = collection
            self._stop = threading.Event()
            self._states[collection] = replace(
                self.state(collection),
                running=True,
                stage="Starting",
                done=0,
                total=0,
                seconds_left=None,
                note="",
            )
            work = partial(self._run, collection, corpus, chatbot, settings)
            self._thread = start_thread("evaluation", work, self.stop)

    def stop(self) -> None:
        self._stop.set()

    def wait(self, seconds: float | None = None) -> None:
        if self._thread:
            self._thread.join(seconds)

    def _run(self, collection: str, corpus: Path, chatbot: Chatbot, settings: Settings) -> None:
        stop, stage_began = self._stop, {"": 0.0}

        def tell(stage: str, done: int, total: int) -> None:
            if stop.is_set():
                raise Stopped
            began = stage_began.setdefault(stage, time.monotonic())
            left = (time.monotonic() - began) / done * (total - done) if done and total else None
            state = self.state(collection)
            self._states[collection] = replace(state, stage=stage, done=done, total=total, seconds_left=left)

        result, note = self.state(collection).result, ""
        try:
            result = measure(collection, corpus, chatbot, settings, tell)
            note = self._keep(collection, result)
        except Stopped:
            note = STOPPED
        except ChatbotError as error:
            note = f"Not evaluated: {error}"
        except Exception:  # the thread has no caller who could be told
            traceback.print_exc(file=sys.stderr)
            note = f"Not evaluated: {BROKEN}."
        finally:
            self._states[collection] = State(collection, result=result, note=note)
            self._running = ""

    def _keep(self, collection: str, result: Result) -> str:
        try:
            keep_result(result, self._files[collection])
        except OSError as error:
            return f"These figures will be gone after a restart: they cannot be written ({error.strerror})."
        return ""


def measure(collection: str, corpus: Path, chatbot: Chatbot, settings: Settings, tell: Tell) -> Result:
    """Search, and where it is asked for the answers, on the questions of one split."""
    began = time.perf_counter()
    time_begun = datetime.now(UTC).isoformat(timespec="seconds")
    tell("Reading the questions", 0, 0)
    asked = split_queries(corpus, settings.split)
    qrels = read_qrels(corpus, settings.split)
    queries = evaluate.spread(evaluate.judged_queries(asked, qrels), settings.limit)
    if not queries and not (settings.answers and asked):
        raise CorpusError(f"no question of {settings.split!r} has a document that answers it")
    index = PassageIndex.open(chatbot.folder, chatbot.encoder)
    missing = tuple(evaluate.missing_documents(index, qrels, queries))
    retrieval = evaluate.retrieve(index, _counted(queries, "Searching", tell))
    milliseconds = dict(zip((query.query_id for query in queries), retrieval.milliseconds, strict=True))
    sets = []
    parts = report.by_origin(queries) if queries else []
    for number, part in enumerate(parts):
        tell("Computing intervals", number, len(parts))
        sets.append(
            report.measure_set(
                collection, settings.split, index, part, qrels, retrieval,
                [milliseconds[query.query_id] for query in part],
                cases=report.CASES if DRAWN else 0,
            )
        )  # fmt: skip
    answers = None
    if settings.answers:
        chosen = evaluate.spread(asked, settings.limit)
        outcomes = [evaluate.ask(chatbot, query) for query in _counted(chosen, "Asking", tell)]
        tell("Computing intervals", 0, 0)
        told = evaluate.report_answers(collection, outcomes)
        figures = {"answerable": told.answerable, "refusal": told.refusal, "quote": told.quote}
        answers = AnswerFigures(told.n, told.answerable_n, figures)
    tell("Drawing the report", 0, 0)
    page = str(report_page.draw_page(sets)) if DRAWN and queries else ""
    tell("Drawing the report", 1, 1)
    return Result(
        settings,
        tuple(Ranking(part.figures, part.generated) for part in sets),
        answers,
        missing,
        page,
        seconds=time.perf_counter() - began,
        generation=index.generation,
        time=time_begun,
    )


def _counted(items: Sequence[Item], stage: str, tell: Tell) -> Iterator[Item]:
    for number, item in enumerate(items):
        tell(stage, number, len(items))
        yield item
    tell(stage, len(items), len(items))


def splits(corpus: Path) -> list[Split]:
    """The splits of a corpus with how many questions they have, those of people first, then by name.

    Raises CorpusError where a file of questions is broken.
    """
    names = split_names(corpus)
    if not names or not (corpus / "queries.jsonl").is_file():
        return []
    queries = read_queries(corpus)
    counted = (
        _count(name, (queries.get(query_id) for query_id in read_qrels(corpus, name))) for name in names
    )
    return sorted(
        (split for split in counted if split.questions), key=lambda split: (split.generated > 0, split.name)
    )


def _count(name: str, queries: Iterable[Query | None]) -> Split:
    known = [query for query in queries if query]
    return Split(name, len(known), sum(query.kind == starting.GENERATED for query in known))


def make_starting_set(corpus: Path, feedback: Feedback, n: int = STARTING_SET) -> int:
    """Questions from the documents' own words, marked as generated; how many were made.

    Raises CorpusError where there are questions already.
    """
    votes, _ = feedback.votes()
    questions = starting.make_questions(corpus, n, votes)
    starting.write_questions(questions, corpus, corpus)
    return len(questions)
