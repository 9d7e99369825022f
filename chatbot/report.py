"""The evaluation report as one page, gates for continuous integration, and a starting set of questions.

A set is what one folder's questions say of one index. Questions that a program made are a set of
their own, drawn apart: they repeat the words of their documents, which favours lexical search.

In the page every text that came from a document, a question or a path goes through `Markup.format`,
which escapes it. Figures are SVG by matplotlib, its colours exchanged for the page's CSS variables.
"""

from __future__ import annotations

import importlib.util
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from chatbot import evaluate
from chatbot.corpus import (
    SECTION_JOINT,
    Document,
    Evidence,
    Qrels,
    Query,
    body_start,
    corpus_files,
    read_documents,
    split_sentences,
)
from chatbot.errors import ChatbotError, CorpusError, CorpusMissing
from chatbot.evaluate import MEASURES, OURS, Difference, Floats, Interval, RetrievalReport, Run
from chatbot.index import PassageIndex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAIN = "nDCG@10"  # the measure of the figures, of wins and losses and of the baseline
GENERATED = "generated"  # kind of the questions that a program made
LABELS = {"dense": "dense", "bm25": "BM25", "rrf": "RRF", OURS: "ours"}
CASES = 10  # questions shown for each set and sort
FOUND = 3  # passages shown for each question
TIMED = 100  # questions whose stages are timed
EXCERPT = 360  # characters
EQUAL = 1e-9  # measures nearer than this are equal
FAVOURED = (
    "These questions were made by a program from the documents' own words, which favours lexical search."
    " Correct them before you trust their figures, and never compare them with those of people's questions."
)

_MAIN_COLUMN = [str(measure) for measure in MEASURES].index(MAIN)


# Sets ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Excerpt:
    """A passage found, or a document that should have been. `rank` is 0 where it has none."""

    doc_id: str
    title: str
    text: str
    rank: int = 0
    relevant: bool = False


@dataclass(frozen=True)
class Case:
    """A question that deserves a look. `ranks`: of the first relevant document, None if not found."""

    query: Query
    scores: dict[str, float]  # nDCG@10 of each method
    ranks: dict[str, int | None]
    relevant: tuple[Excerpt, ...]
    found: tuple[Excerpt, ...]


@dataclass(frozen=True)
class MeasuredSet:
    """`values` holds (queries, MEASURES) for each method; `stages` milliseconds of timed questions."""

    figures: RetrievalReport
    split: str
    generated: bool
    query_ids: tuple[str, ...]
    values: dict[str, Floats]
    encoder: str
    stages: dict[str, tuple[float, ...]]
    worse: tuple[Case, ...] = ()
    failures: tuple[Case, ...] = ()

    @property
    def name(self) -> str:
        return self.figures.corpus

    @property
    def label(self) -> str:
        return f"{self.name}, generated" if self.generated else self.name

    def main(self, method: str) -> Floats:
        """(queries,) nDCG@10."""
        main: Floats = self.values[method][:, _MAIN_COLUMN]
        return main

    def to_json(self) -> dict[str, Any]:
        per_query = {
            method: {
                MAIN: dict(zip(self.query_ids, self.main(method).round(6).tolist(), strict=True)),
            }
            for method in self.values
        }
        return {
            **self.figures.to_json(),
            "split": self.split,
            "generated": self.generated,
            "per_query": per_query,
        }

    def to_text(self) -> str:
        text = self.figures.to_text()
        return f"{text}\n\n{FAVOURED}" if self.generated else text


def by_origin(queries: Sequence[Query]) -> list[list[Query]]:
    """The questions of people and the generated ones, as one or two lists that are not empty.

    One empty list where there are no questions at all.
    """
    human = [query for query in queries if query.kind != GENERATED]
    generated = [query for query in queries if query.kind == GENERATED]
    return [part for part in (human, generated) if part] or [[]]


def measure_set(
    name: str,
    split: str,
    index: PassageIndex,
    queries: Sequence[Query],
    qrels: Qrels,
    retrieval: evaluate.Retrieval,
    milliseconds: Sequence[float],
    *,
    cases: int = 0,
) -> MeasuredSet:
    """The figures of some queries of a retrieval; stages and `cases` questions of each sort for the page."""
    values = {
        method: evaluate.measure_queries(
            {query.query_id: run[query.query_id] for query in queries}, qrels, queries
        )
        for method, run in retrieval.runs.items()
    }
    measured = MeasuredSet(
        figures=evaluate.report_retrieval(name, index, values, milliseconds),
        split=split,
        generated=any(query.kind == GENERATED for query in queries),
        query_ids=tuple(query.query_id for query in queries),
        values=values,
        encoder=str(index.manifest["encoder"]["name"]),
        stages=time_stages(index, evaluate.spread(queries, TIMED)) if cases else {},
    )
    if not cases:
        return measured

    def describe(numbers: Iterable[int]) -> tuple[Case, ...]:
        return tuple(
            _case(index, queries[number], qrels, retrieval.runs, measured, number) for number in numbers
        )

    worse = worse_numbers(measured)[:cases]
    failures = [number for number in failure_numbers(measured) if number not in worse][:cases]
    return replace(measured, worse=describe(worse), failures=describe(failures))


def losses(measured: MeasuredSet) -> Floats:
    """(queries,) by how much ours is below the better of dense and BM25; negative where above."""
    loss: Floats = np.maximum(measured.main("dense"), measured.main("bm25")) - measured.main(OURS)
    return loss


def worse_numbers(measured: MeasuredSet) -> list[int]:
    """The queries that ours serves worse than dense or BM25, greatest loss first."""
    loss = losses(measured)
    return [number for number in np.argsort(-loss, kind="stable").tolist() if loss[number] > EQUAL]


def failure_numbers(measured: MeasuredSet) -> list[int]:
    """The queries of which ours has no relevant document among the first ten, in file order."""
    return np.flatnonzero(measured.main(OURS) <= EQUAL).tolist()


def time_stages(index: PassageIndex, queries: Sequence[Query]) -> dict[str, tuple[float, ...]]:
    """Milliseconds of each stage of a search, one value a query."""
    taken = [evaluate.stage_milliseconds(index, evaluate.standalone_text(query)) for query in queries]
    return {stage: tuple(row[i] for row in taken) for i, stage in enumerate(evaluate.STAGES)}


def _case(
    index: PassageIndex,
    query: Query,
    qrels: Qrels,
    runs: Mapping[str, Run],
    measured: MeasuredSet,
    number: int,
) -> Case:
    relevant = [doc_id for doc_id, grade in qrels[query.query_id].items() if grade > 0]
    hits = index.hits(index.pool(evaluate.standalone_text(query)), FOUND)
    ours = list(runs[OURS][query.query_id])
    relevant.sort(key=lambda doc_id: ours.index(doc_id) if doc_id in ours else len(ours))
    return Case(
        query=query,
        scores={method: float(measured.main(method)[number]) for method in runs},
        ranks={method: _first_rank(run[query.query_id], relevant) for method, run in runs.items()},
        relevant=tuple(
            _gold(index, doc_id, (*query.evidence, *query.partly), ours) for doc_id in relevant[:FOUND]
        ),
        found=tuple(
            Excerpt(
                hit.passage.doc_id, hit.title, _shorten(hit.text), hit.rank, hit.passage.doc_id in relevant
            )
            for hit in hits
        ),
    )


def _first_rank(ranking: Iterable[str], relevant: Sequence[str]) -> int | None:
    return next((rank for rank, doc_id in enumerate(ranking, 1) if doc_id in relevant), None)


def _gold(index: PassageIndex, doc_id: str, evidence: Sequence[Evidence], ranking: list[str]) -> Excerpt:
    rank = ranking.index(doc_id) + 1 if doc_id in ranking else 0
    try:
        document = index.document(doc_id)
    except KeyError:
        return Excerpt(doc_id, "", "This document is not in the corpus.", 0, True)
    spans = _union([(piece.start, piece.end) for piece in evidence if piece.doc == doc_id])
    pieces = [document.text[start:end] for start, end in spans] or [
        document.text[body_start(document.text) :]
    ]
    return Excerpt(doc_id, document.title, _shorten(" … ".join(pieces)), rank, True)


def _union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, those that touch made one."""
    union: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if union and start <= union[-1][1]:
            union[-1] = union[-1][0], max(end, union[-1][1])
        else:
            union.append((start, end))
    return union


def _shorten(text: str) -> str:
    flat = " ".join(text[: 4 * EXCERPT].split())
    return flat if len(flat) <= EXCERPT else flat[: EXCERPT - 1] + "…"


@dataclass(frozen=True)
class Place:
    """A folder of documents and the split of its questions."""

    folder: Path
    split: str

    @classmethod
    def parse(cls, text: str, split: str) -> Place:
        """From `DIR` or `DIR:SPLIT`; a folder that is called so goes before a split."""
        folder, colon, named = text.rpartition(":")
        if not colon or not folder or not re.fullmatch(r"[\w.-]+", named) or Path(text).is_dir():
            return cls(Path(text), split)
        return cls(Path(folder), named)


def set_names(places: Sequence[Place]) -> list[str]:
    """What each set is called: its folder, and as many parents or the split as tell it from others."""
    paths = [place.folder.resolve() for place in places]
    names = [path.name for path in paths]
    for depth in range(2, max((len(path.parts) for path in paths), default=0) + 1):
        names = [
            "/".join(path.parts[-depth:]) if _ambiguous(name, path, names, paths) else name
            for path, name in zip(paths, names, strict=True)
        ]
    count = Counter(names)
    return [
        f"{name}:{place.split}" if count[name] > 1 else name
        for name, place in zip(names, places, strict=True)
    ]


def _ambiguous(name: str, path: Path, names: Sequence[str], paths: Sequence[Path]) -> bool:
    return any(name == other and path != place for other, place in zip(names, paths, strict=True))


# Comparing two runs -------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Run A against run B over the judged queries that at least one of them holds."""

    names: tuple[str, str]
    queries: tuple[Query, ...]
    values: tuple[Floats, Floats]  # (queries, MEASURES) each
    means: tuple[list[Interval], list[Interval]]  # of each measure
    differences: list[Difference]  # A - B, of each measure
    relevant: tuple[tuple[str, ...], ...]  # documents of each query
    found: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  # the first documents of A and of B
    left_out: int  # judged queries that neither run holds

    @property
    def balance(self) -> tuple[int, int, int]:
        """Queries on which A is better, equal, worse by nDCG@10."""
        return balance(self.values[0][:, _MAIN_COLUMN], self.values[1][:, _MAIN_COLUMN])

    def worst(self, n: int) -> list[int]:
        """The n queries on which A loses most to B, greatest loss first; only real losses."""
        change = self.values[0][:, _MAIN_COLUMN] - self.values[1][:, _MAIN_COLUMN]
        return [
            number for number in np.argsort(change, kind="stable")[:n].tolist() if change[number] < -EQUAL
        ]

    def to_json(self, worst: int = 0) -> dict[str, Any]:
        names = [str(measure) for measure in MEASURES]
        a, b = self.names
        wins, ties, losses = self.balance
        return {
            "runs": [a, b],
            "n": len(self.queries),
            "left_out": self.left_out,
            "means": [
                {name: interval.to_json() for name, interval in zip(names, means, strict=True)}
                for means in self.means
            ],
            "difference": {
                name: difference.to_json() for name, difference in zip(names, self.differences, strict=True)
            },
            "wins": wins,
            "ties": ties,
            "losses": losses,
            "worst": [self._query_json(number) for number in self.worst(worst)],
        }

    def _query_json(self, number: int) -> dict[str, Any]:
        return {
            "query": self.queries[number].query_id,
            "question": self.queries[number].text,
            MAIN: [float(values[number, _MAIN_COLUMN]) for values in self.values],
            "gold": list(self.relevant[number]),
            "found": [list(found) for found in self.found[number]],
        }

    def to_text(self, worst: int = 0) -> str:
        a, b = self.names
        wins, ties, losses = self.balance
        rows = [["", "A", "B", "A - B"]]
        rows += [
            [str(measure), str(of_a), str(of_b), str(difference)]
            for measure, of_a, of_b, difference in zip(MEASURES, *self.means, self.differences, strict=True)
        ]
        out = f", {self.left_out:,} in neither run left out" if self.left_out else ""
        parts = [
            f"A = {a}\nB = {b}\nn = {len(self.queries):,} questions{out}; 95 % intervals",
            evaluate.table(rows),
            f"{MAIN}: A is better on {wins:,} questions, equal on {ties:,}, worse on {losses:,}",
            *(self._query_text(number) for number in self.worst(worst)),
        ]
        return "\n\n".join(parts)

    def _query_text(self, number: int) -> str:
        of_a, of_b = (float(values[number, _MAIN_COLUMN]) for values in self.values)
        found_a, found_b = (" ".join(found) or "–" for found in self.found[number])
        return (
            f"{of_a - of_b:+.3f}  {self.queries[number].text}\n"
            f"        gold       {' '.join(self.relevant[number])}\n"
            f"        A ({of_a:.3f})  {found_a}\n"
            f"        B ({of_b:.3f})  {found_b}"
        )


def balance(values: Floats, others: Floats) -> tuple[int, int, int]:
    """How many values are above, equal to and below their counterparts."""
    change = values - others
    wins, losses = int((change > EQUAL).sum()), int((change < -EQUAL).sum())
    return wins, len(change) - wins - losses, losses


def compare_runs(path_a: Path, path_b: Path, queries: Sequence[Query], qrels: Qrels) -> Comparison:
    """Two TREC run files on the same judged queries; a query that one of them lacks scores 0 there."""
    runs = [evaluate.read_run(path) for path in (path_a, path_b)]
    columns = [replace(query, query_id=evaluate.trec_id(query.query_id)) for query in queries]
    shared = [query for query in columns if any(query.query_id in run for run in runs)]
    if not shared:
        raise CorpusError(
            f"neither {path_a} nor {path_b} holds a query of these judgements; name their folder and --split"
        )
    judged = {
        evaluate.trec_id(query_id): {evaluate.trec_id(doc_id): grade for doc_id, grade in grades.items()}
        for query_id, grades in qrels.items()
    }
    of_a, of_b = (evaluate.measure_queries(run, judged, shared) for run in runs)

    def first(run: Run, query: Query) -> tuple[str, ...]:
        return tuple(sorted(run.get(query.query_id, {}), key=lambda d: -run[query.query_id][d])[:FOUND])

    return Comparison(
        names=(path_a.name, path_b.name) if path_a.name != path_b.name else (str(path_a), str(path_b)),
        queries=tuple(shared),
        values=(of_a, of_b),
        means=(evaluate.mean_intervals(of_a), evaluate.mean_intervals(of_b)),
        differences=evaluate.compare(of_a, of_b),
        relevant=tuple(
            tuple(doc_id for doc_id, grade in judged[query.query_id].items() if grade > 0) for query in shared
        ),
        found=tuple((first(runs[0], query), first(runs[1], query)) for query in shared),
        left_out=len(columns) - len(shared),
    )


# Gates --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Threshold:
    measure: str
    least: float

    @classmethod
    def parse(cls, text: str) -> Threshold:
        """From `nDCG@10=0.45`. Raises ValueError with what would be right."""
        names = [str(measure) for measure in MEASURES]
        name, _, number = text.partition("=")
        measure = next((known for known in names if known.lower() == name.strip().lower()), None)
        if measure is None:
            raise ValueError(f"no measure {name.strip()!r}; there are {', '.join(names)}")
        try:
            least = float(number)
        except ValueError:
            least = -1.0
        if not 0 <= least <= 1:
            raise ValueError(f"{text!r} needs a number from 0 to 1, as in {measure}=0.45")
        return cls(measure, least)


def below_thresholds(sets: Iterable[MeasuredSet], thresholds: Sequence[Threshold]) -> list[str]:
    """A sentence for every set and threshold that ours does not reach."""
    sentences = []
    for measured in sets:
        for threshold in thresholds:
            mean = measured.figures.methods[OURS][threshold.measure].mean
            if mean >= threshold.least:
                continue
            state = f"is {mean:.4f}, below {threshold.least:g}" if measured.query_ids else "has no questions"
            sentences.append(f"{measured.label}: {threshold.measure} of ours {state}.")
    return sentences


@dataclass(frozen=True)
class Before:
    """nDCG@10 of ours as an earlier run had it; `per_query` is empty where it was not kept."""

    interval: Interval
    per_query: dict[str, float]


Baseline = dict[tuple[str, str, bool], Before]  # (corpus, split, generated)


def read_baseline(path: Path) -> Baseline:
    """The sets of a file that `evaluate_retrieval.py --json` wrote."""
    remedy = "write it with evaluate_retrieval.py --json"
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error.strerror or error}); {remedy}") from error
    except ValueError as error:
        raise CorpusError(f"{path} is not JSON ({error}); {remedy}") from error
    try:
        return dict(map(_before, content if isinstance(content, list) else [content]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CorpusError(f"{path} holds no {MAIN} of {OURS} with its interval; {remedy}") from error


def _before(item: dict[str, Any]) -> tuple[tuple[str, str, bool], Before]:
    figures = item["methods"][OURS][MAIN]
    mean, low, high = (float(figures[name]) for name in ("mean", "low", "high"))
    per_query = item.get("per_query", {}).get(OURS, {}).get(MAIN, {})
    return (str(item["corpus"]), str(item.get("split", "")), bool(item.get("generated", False))), Before(
        Interval(mean, low, high, int(item["n"])),
        {str(query_id): float(value) for query_id, value in per_query.items()},
    )


def worse_than_baseline(sets: Sequence[MeasuredSet], baseline: Baseline, path: Path) -> list[str]:
    """A sentence for every set on which ours got significantly worse.

    Paired where the baseline holds the values of at least one of the same queries; else the difference
    of two independent means, whose standard errors are read off their intervals, which finds less.
    Raises CorpusError when the baseline holds none of the sets.
    """
    pairs = [(measured, _baseline_of(measured, baseline)) for measured in sets]
    if not any(before for _, before in pairs):
        known = ", ".join(sorted({key[0] for key in baseline})) or "nothing"
        raise CorpusError(f"{path} holds none of these sets, only {known}; write it anew with --json")
    sentences = []
    for measured, before in pairs:
        if before is None:
            continue
        change, what = _change(measured, before)
        if change.high < 0:
            sentences.append(
                f"{measured.label}: {MAIN} of ours got significantly worse, by {-change.mean:.4f}"
                f" [{-change.high:.4f}, {-change.low:.4f}], {what} {path.name}."
            )
    return sentences


def not_in_baseline(sets: Iterable[MeasuredSet], baseline: Baseline) -> list[str]:
    """Labels of the sets that cannot be compared."""
    return [measured.label for measured in sets if _baseline_of(measured, baseline) is None]


def _baseline_of(measured: MeasuredSet, baseline: Baseline) -> Before | None:
    """The set of the same name, split and origin; a file without splits is taken to mean this one."""
    found = (baseline.get((measured.name, split, measured.generated)) for split in (measured.split, ""))
    return next(filter(None, found), None)


def _change(measured: MeasuredSet, before: Before) -> tuple[Interval, str]:
    """The difference now - before with its interval, and what it was measured on."""
    now = dict(zip(measured.query_ids, measured.main(OURS).tolist(), strict=True))
    shared = [query_id for query_id in now if query_id in before.per_query]
    if shared:
        differences = [now[query_id] - before.per_query[query_id] for query_id in shared]
        return (
            evaluate.mean_interval(np.round(differences, 5).tolist()),  # the file holds rounded values
            f"on the same {_plural(len(shared), 'question')} as in",
        )
    old, new = before.interval, measured.figures.methods[OURS][MAIN]
    half = float(np.hypot((old.high - old.low) / 2, (new.high - new.low) / 2))
    mean = new.mean - old.mean
    return Interval(mean, mean - half, mean + half, new.n), "unpaired, from the intervals in"


# A starting set of questions ----------------------------------------------------------------


@dataclass(frozen=True)
class StartingQuestion:
    """`origin`: feedback, faq, definition or heading. Documents without a known span have no evidence."""

    text: str
    origin: str
    documents: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()
    answers: tuple[str, ...] = ()

    def to_json(self, query_id: str) -> dict[str, Any]:
        metadata = {
            "kind": GENERATED,
            "origin": self.origin,
            "answerable": True,
            "answers": list(self.answers),
            "evidence": [vars(piece) for piece in self.evidence],
        }
        return {"_id": query_id, "text": self.text, "metadata": metadata}


def question_count(text: str) -> int:
    """How many questions to make. Raises ChatbotError unless it is a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise ChatbotError(f"--make-questions needs a whole number above 0 and a folder, not {text!r}")
    return int(text)


def make_questions(corpus: Path, n: int, feedback: Path | None = None) -> list[StartingQuestion]:
    """At most n questions that the documents or the votes of the chat page suggest.

    Each origin has the same share, as far as it has enough; within one they are spread over the corpus.
    Raises CorpusMissing when there is nothing to make one from.
    """
    documents = {
        item.doc_id: item
        for item in read_documents(corpus, corpus_files(corpus))
        if isinstance(item, Document) and not re.search(r"[\t\r\n]", item.doc_id)  # qrels are parted by tabs
    }
    voted = _from_feedback(feedback, documents) if feedback and feedback.is_file() else []
    made = [question for document in documents.values() for question in _from_document(document)]
    candidates: dict[str, list[StartingQuestion]] = {}
    for question in _merge([*voted, *made]):
        candidates.setdefault(question.origin, []).append(question)
    if not candidates:
        raise CorpusMissing(
            f"nothing in {corpus} suggests a question: no headings, definitions, lines that ask, or votes;"
            " write queries.jsonl and qrels/dev.tsv by hand"
        )
    chosen: list[StartingQuestion] = []
    scarcest = sorted(candidates.values(), key=len)
    for number, group in enumerate(scarcest):
        share = (n - len(chosen)) // (len(scarcest) - number)
        chosen += (
            [group[place * len(group) // share] for place in range(share)] if share < len(group) else group
        )
    return chosen


def write_questions(questions: Sequence[StartingQuestion], corpus: Path, target: Path) -> list[Path]:
    """`queries.jsonl` and `qrels/dev.tsv` below the target; neither is ever overwritten."""
    if corpus.resolve() in target.resolve().parents:
        raise CorpusError(
            f"{target} lies in the corpus, where its questions would be read as documents;"
            f" name {corpus} itself or a folder outside it"
        )
    queries, qrels = target / "queries.jsonl", target / "qrels" / "dev.tsv"
    for path in (queries, qrels):
        if path.exists():
            raise CorpusError(f"{path} is there already and is not overwritten; name another folder")
    ids = [f"{GENERATED}-{number}" for number in range(1, len(questions) + 1)]
    lines = (
        json.dumps(question.to_json(query_id), ensure_ascii=False) + "\n"
        for query_id, question in zip(ids, questions, strict=True)
    )
    judgements = (
        f"{query_id}\t{doc_id}\t1\n"
        for query_id, question in zip(ids, questions, strict=True)
        for doc_id in question.documents
    )
    try:
        qrels.parent.mkdir(parents=True, exist_ok=True)
        for path, content in ((qrels, ("query-id\tcorpus-id\tscore\n", *judgements)), (queries, lines)):
            with path.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.writelines(content)
    except OSError as error:
        raise CorpusError(
            f"{target} cannot be written ({error.strerror or error}); name another folder"
        ) from error
    return [queries, qrels]


def _merge(questions: Iterable[StartingQuestion]) -> list[StartingQuestion]:
    """Questions of the same words become one that all their documents answer; the first's origin stays."""
    merged: dict[str, StartingQuestion] = {}
    for question in questions:
        key = " ".join(question.text.lower().split())
        first = merged.get(key, replace(question, documents=(), evidence=(), answers=()))
        merged[key] = replace(
            first,
            documents=tuple(dict.fromkeys([*first.documents, *question.documents])),
            evidence=tuple(dict.fromkeys([*first.evidence, *question.evidence])),
            answers=tuple(dict.fromkeys([*first.answers, *question.answers])),
        )
    return list(merged.values())


def _from_document(document: Document) -> Iterator[StartingQuestion]:
    def question(text: str, origin: str, span: tuple[int, int]) -> StartingQuestion:
        evidence = Evidence(document.doc_id, *span)
        return StartingQuestion(text, origin, (document.doc_id,), (evidence,))

    for text, span in _asked_lines(document):
        yield question(text, "faq", span)
    for text, span in _definitions(document):
        yield question(text, "definition", span)
    for heading, span in _headed(document):
        if heading.endswith("?"):
            yield question(_bare_question(heading), "faq", span)
        elif heading.lower() not in _SAYS_NOTHING:
            title = document.title
            text = (
                heading
                if not title or heading.lower() == title.lower()
                else f"{title.rstrip('?:')}: {heading}"
            )
            if len(text.split()) > 1:
                yield question(text, "heading", span)


_SAYS_NOTHING = frozenset(
    "abstract, acknowledgements, background, bibliography, conclusion, contents, discussion,"
    " external links, further reading, introduction, notes, overview, references, see also, sources,"
    " summary".split(", ")
)
_QUESTION_MARKER = re.compile(r"[\s>#*_]*(?:(?:Q|Question)\s*\d*\s*[.:)]|\d+[.)])?[\s*_]*", re.IGNORECASE)
_ANSWER_MARKER = re.compile(r"[\s>*_]*(?:(?:A|Answer)\s*\d*\s*[.:)][\s*_]*)?", re.IGNORECASE)
_NAMED_Q = re.compile(r"[\s>*_]*(?:Q|Question)\s*\d*\s*[.:)]", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]+")
_LONGEST_QUESTION = 200  # characters


def _headed(document: Document) -> Iterator[tuple[str, tuple[int, int]]]:
    """The last heading above each run of blocks, or the title where there is none, and their span."""
    for (section, _), run in groupby(document.blocks, key=lambda block: (block.section, block.heading)):
        blocks = list(run)
        yield (
            section.split(SECTION_JOINT)[-1].strip() or document.title,
            (blocks[0].start, blocks[-1].end),
        )


def _asked_lines(document: Document) -> Iterator[tuple[str, tuple[int, int]]]:
    """Lines that ask something and the text that follows: the rest of their block, or the next one."""
    for block, following in zip_longest(document.blocks, document.blocks[1:]):
        lines = [match.span() for match in _LINE.finditer(document.text, block.start, block.end)]
        asking = [
            number
            for number, (start, end) in enumerate(lines)
            if _asks(document.text[start:end]) and (number == 0 or _NAMED_Q.match(document.text, start, end))
        ]
        for number, next_number in pairwise([*asking, len(lines)]):
            start, end = lines[number]
            if next_number > number + 1:
                answer = lines[number + 1][0], lines[next_number - 1][1]
            elif following and following.heading == block.heading and next_number == len(lines):
                answer = following.start, following.end
            else:
                continue
            marker = _ANSWER_MARKER.match(document.text, *answer)
            text = _bare_question(document.text[start:end])
            if not _asks(document.text[slice(*answer)]):
                yield text, (marker.end() if marker else answer[0], answer[1])


def _bare_question(line: str) -> str:
    """The question without list marks, emphasis, `Q:` or a number before it."""
    marker = _QUESTION_MARKER.match(line)
    return line[marker.end() if marker else 0 :].rstrip(" \t*_")


def _asks(line: str) -> bool:
    line = line.strip(" \t*_>")
    return line.endswith("?") and len(line) <= _LONGEST_QUESTION and len(line.split()) > 2


_DEFINITION = re.compile(
    r"(?P<article>An?|The)?(?(article) )(?P<term>[^\W\d_][\w'’-]*(?: [\w'’-]+){0,4}?)"
    r" (?P<verb>is|are|was|were) (?:an?|the|one of) "
)
_NO_TERM = frozenset(
    """
    all also another both but each every for few following he her here his how if in it its many more most my
    next no nobody nor not nothing now of on one only or our reason result same she since so some such than that
    their then there these they this those thus to today two we what when where which while who why you your
    """.split()
)


def _definitions(document: Document) -> Iterator[tuple[str, tuple[int, int]]]:
    """`What is X?` for each sentence `X is a …`."""
    for block in document.blocks:
        for start, end in split_sentences(document.text, block.start, block.end):
            match = _DEFINITION.match(document.text, start, end)
            if match and (subject := _subject(match)):
                yield f"What {match['verb']} {subject}?", (start, end)


def _subject(match: re.Match[str]) -> str:
    """The term with its article in lower case; empty where it only points at something said before."""
    words = match["term"].split()
    points = words[0].lower() in _NO_TERM or any(
        word.lower() in _NO_TERM - {"of", "the", "for", "in", "on", "to"} for word in words
    )
    if points or (match["article"] == "The" and not any(word[0].isupper() for word in words)):
        return ""
    return " ".join(filter(None, [(match["article"] or "").lower(), *words]))


def _from_feedback(path: Path, documents: Mapping[str, Document]) -> list[StartingQuestion]:
    """Questions whose last vote is a thumb up, with what their answers cited and the corpus still holds."""
    votes: dict[str, StartingQuestion | None] = {}
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            answer = record["answer"] or {}
            text = str(answer.get("standalone_question") or record["question"])
            cited = [citation for citation in answer.get("citations", ()) if citation["doc_id"] in documents]
            evidence = tuple(
                Evidence(citation["doc_id"], int(citation["start"]), int(citation["end"]))
                for citation in cited
                if citation["doc_sha256"] == documents[citation["doc_id"]].sha256
            )
            liked = record["vote"] == "up" and cited
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorpusError(
                f"{path}:{number}: not a vote of the chat page; mend or remove the line"
            ) from error
        short = answer.get("short_answer")
        votes[text] = (
            StartingQuestion(
                text,
                "feedback",
                tuple(dict.fromkeys(str(citation["doc_id"]) for citation in cited)),
                tuple(dict.fromkeys(evidence)),
                (str(short),) if short else (),
            )
            if liked
            else None
        )
    return [question for question in votes.values() if question]


# The page -----------------------------------------------------------------------------------


def require_page(path: Path) -> None:
    """Raises ChatbotError where the page could not be drawn or written, before anything is measured."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ChatbotError(
            "--report draws with matplotlib, which is missing;"
            " pip install -c scripts/constraints.txt matplotlib"
        )
    if path.is_dir() or not path.parent.is_dir():
        raise ChatbotError(f"{path} cannot be written; name a file in a folder that exists with --report")


def write_page(path: Path, sets: Sequence[MeasuredSet]) -> None:
    """The report of the sets as one HTML file that needs no other."""
    try:
        path.write_text(draw_page(sets), encoding="utf-8", errors="xmlcharrefreplace")
    except OSError as error:
        raise ChatbotError(
            f"{path} cannot be written ({error.strerror or error}); name another --report"
        ) from error


def draw_page(sets: Sequence[MeasuredSet]) -> Markup:
    human = [measured for measured in sets if not measured.generated]
    generated = [measured for measured in sets if measured.generated]
    anchors = {id(measured): f"set-{number}" for number, measured in enumerate(sets, 1)}
    body = [_draw_head(sets)]
    if len(sets) > 1:
        body.append(_draw_contents(sets, anchors))
    if human:
        body.append(_draw_overview("Ranking", human, "human"))
    if generated:
        body.append(_draw_overview("Ranking of generated questions", generated, "made"))
    body += [_draw_set(measured, anchors[id(measured)]) for measured in [*human, *generated]]
    body.append(_draw_latency(sets))
    return _PAGE.format(style=Markup(_STYLE), body=_join(body))


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup("\n").join(parts)


def _plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _draw_head(sets: Sequence[MeasuredSet]) -> Markup:
    encoders = ", ".join(dict.fromkeys(measured.encoder for measured in sets))
    total = sum(len(measured.query_ids) for measured in sets)
    return Markup(
        "<header><h1>How well the search finds</h1>"
        "<p>{} in {}; encoder {}. Ranges are 95 % bootstrap intervals;"
        " differences are paired, on the same questions. A document scores as its best passage.</p></header>"
    ).format(_plural(total, "question"), _plural(len(sets), "set"), encoders)


def _draw_contents(sets: Sequence[MeasuredSet], anchors: Mapping[int, str]) -> Markup:
    entry = Markup('<li><a href="#{}">{}</a></li>')
    entries = [entry.format(anchors[id(measured)], measured.label) for measured in sets]
    entries.append(entry.format("latency", "Latency"))
    return Markup('<nav aria-label="Sets"><ul>{}</ul></nav>').format(_join(entries))


def _draw_overview(title: str, sets: Sequence[MeasuredSet], anchor: str) -> Markup:
    note = Markup('<p class="notice">{}</p>').format(FAVOURED) if anchor == "made" else Markup("")
    caption = (
        f"Left: mean {MAIN} of each method. Right: ours minus each of the others; an interval that"
        " does not touch the line is a difference beyond chance."
    )
    return Markup('<section id="{}"><h2>{}</h2>{}{}</section>').format(
        anchor, title, note, _draw_figure(_bars(sets), anchor, f"{title}: {MAIN} by set and method", caption)
    )


def _draw_set(measured: MeasuredSet, anchor: str) -> Markup:
    figures = measured.figures
    note = Markup('<p class="notice">{}</p>').format(FAVOURED) if measured.generated else Markup("")
    facts = ", ".join(
        [
            _plural(figures.documents, "document"),
            _plural(figures.passages, "passage"),
            f"{_plural(figures.n, 'question')} of the split {measured.split}",
        ]
    )
    scatter = (
        _draw_figure(
            _scatter(measured),
            anchor,
            f"{MAIN} of every question of {measured.label}: ours against BM25 and against dense",
            f"Every question of {measured.label}: above the diagonal ours is better. The larger a dot,"
            " the more questions it stands for.",
        )
        if figures.n
        else Markup("")
    )
    return Markup(
        '<section id="{}" class="set"><h2>{}</h2><p class="facts">{}</p>{}{}{}{}{}</section>'
    ).format(
        anchor, measured.label, facts, note, _draw_table(measured), scatter, _draw_worse(measured),
        _draw_failures(measured),
    )  # fmt: skip


def _draw_table(measured: MeasuredSet) -> Markup:
    methods, pairs = measured.figures.methods, measured.figures.difference
    head = [LABELS.get(method, method) for method in methods] + [_pair_label(pair) for pair in pairs]
    rows = []
    for measure in map(str, MEASURES):
        means = [methods[method][measure].mean for method in methods]
        best = max(means) if max(means) > min(means) + EQUAL else 2.0  # none where all are equal
        cells = [
            _interval_cell(methods[method][measure], methods[method][measure].mean >= best - EQUAL)
            for method in methods
        ]
        cells += [_difference_cell(pairs[pair][measure].interval) for pair in pairs]
        rows.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(measure, _join(cells)))
    return Markup(
        '<div class="wide"><table><thead><tr><td></td>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(_join(Markup('<th scope="col">{}</th>').format(name) for name in head), _join(rows))


def _pair_label(pair: str) -> str:
    return " − ".join(LABELS.get(method, method) for method in pair.split("-"))


def _interval_cell(interval: Interval, best: bool) -> Markup:
    if np.isnan(interval.mean):
        return Markup("<td>–</td>")
    kind = Markup(' class="best"') if best else Markup("")
    return Markup("<td{}>{:.3f}<small>{:.3f} – {:.3f}</small></td>").format(
        kind, interval.mean, interval.low, interval.high
    )


def _difference_cell(interval: Interval) -> Markup:
    if np.isnan(interval.mean):
        return Markup("<td>–</td>")
    kind = "up" if interval.low > 0 else "down" if interval.high < 0 else "even"
    numbers = map(_signed, (interval.mean, interval.low, interval.high))
    return Markup('<td class="{}">{}<small>{} to {}</small></td>').format(kind, *numbers)


def _signed(number: float) -> str:
    text = f"{number:+.3f}".replace("-", "−")
    return "0.000" if text[1:] == "0.000" else text


def _draw_worse(measured: MeasuredSet) -> Markup:
    count = len(worse_numbers(measured))
    if not count:
        return Markup("<h3>Questions that got worse</h3><p>None: ours is nowhere below dense or BM25.</p>")
    text = (
        f"On {count:,} of {_plural(measured.figures.n, 'question')} ours is below the better of dense and BM25"
        f"{_shown(len(measured.worse), count, 'greatest loss first')}."
    )
    return Markup("<h3>Questions that got worse</h3><p>{}</p>{}").format(
        text, _join(map(_draw_case, measured.worse))
    )


def _draw_failures(measured: MeasuredSet) -> Markup:
    failures = set(failure_numbers(measured))
    if not failures:
        return Markup(
            "<h3>Failures</h3><p>None: every question has a relevant document in the first ten.</p>"
        )
    above = len(failures & set(worse_numbers(measured)[: len(measured.worse)]))
    repeated = f"; {above:,} of them are shown above" if above else ""
    text = (
        f"{len(failures):,} of {_plural(measured.figures.n, 'question')} have no relevant document among the"
        f" first ten of ours{repeated}{_shown(len(measured.failures), len(failures) - above, 'in file order')}."
    )
    return Markup("<h3>Failures</h3><p>{}</p>{}").format(text, _join(map(_draw_case, measured.failures)))


def _shown(shown: int, count: int, order: str) -> str:
    return f"; {shown:,} are shown, {order}" if 0 < shown < count else f", {order}" if shown > 1 else ""


def _draw_case(case: Case) -> Markup:
    searched = evaluate.standalone_text(case.query)
    understood = (
        Markup('<p class="understood">searched as: {}</p>').format(searched)
        if searched != case.query.text
        else Markup("")
    )
    scores = Markup(" ").join(
        Markup('<span class="score {}"><b>{}</b> {:.2f}<small>{}</small></span>').format(
            method, LABELS.get(method, method), case.scores[method], _rank_text(case.ranks[method])
        )
        for method in case.scores
    )
    return Markup(
        '<article class="case"><h4>{}</h4>{}<p class="scores">{}</p><div class="sides">'
        "<div><h5>Relevant, with the rank in ours</h5>{}</div><div><h5>Found first by ours</h5>{}</div></div></article>"
    ).format(case.query.text, understood, scores, _draw_excerpts(case.relevant), _draw_excerpts(case.found))


def _rank_text(rank: int | None) -> str:
    return f"rank {rank}" if rank else "not found"  # among RUN_DEPTH documents


def _draw_excerpts(excerpts: Sequence[Excerpt]) -> Markup:
    if not excerpts:
        return Markup("<p>–</p>")
    return _join(
        Markup('<blockquote class="{}"><cite>{}{}<small>{}</small></cite><p>{}</p></blockquote>').format(
            "relevant" if excerpt.relevant else "other",
            f"{excerpt.rank}. " if excerpt.rank else "",
            excerpt.title or excerpt.doc_id,
            excerpt.doc_id if excerpt.title else "",
            excerpt.text,
        )
        for excerpt in excerpts
    )


def _draw_latency(sets: Sequence[MeasuredSet]) -> Markup:
    timed = [measured for measured in sets if any(measured.stages.values())]
    if not timed:
        return Markup("")
    stages = list(timed[0].stages)
    rows = [
        Markup('<tr><th scope="row">{}</th>{}<td>{}</td></tr>').format(
            measured.label,
            _join(_latency_cell(measured.stages[stage]) for stage in stages),
            f"{measured.figures.passages:,}",
        )
        for measured in timed
    ]
    head = _join(Markup('<th scope="col">{}</th>').format(name) for name in [*stages, "passages"])
    caption = (
        "Median milliseconds of each stage: encoding the question, search by meaning with the best"
        " sentence, search by words (BM25), fusion with fetching ten passages."
    )
    return Markup(
        '<section id="latency"><h2>Latency</h2>{}<div class="wide"><table><thead><tr><td></td>{}</tr></thead>'
        '<tbody>{}</tbody></table></div><p class="facts">Milliseconds a question: median, and below it the'
        " 95th percentile, of up to {} questions of each set.</p></section>"
    ).format(
        _draw_figure(_latency(timed), "latency", "Median milliseconds by stage and set", caption),
        head, _join(rows), TIMED,
    )  # fmt: skip


def _latency_cell(milliseconds: Sequence[float]) -> Markup:
    median, p95 = np.percentile(milliseconds, (50, 95)).tolist()
    return Markup("<td>{:.1f}<small>{:.1f}</small></td>").format(median, p95)


# Figures ------------------------------------------------------------------------------------

# A colour that nothing else has stands for each variable until the SVG is written.
_VARIABLES = ("ink", "soft", "line", "sheet", "good", "bad", "dense", "bm25", "rrf", OURS)
_COLOURS = {name: f"#0a0b{number:02x}" for number, name in enumerate(_VARIABLES, 1)}
_STAGE_COLOURS = {"encode": "rrf", "dense": "dense", "lexical": "bm25", "fuse": OURS}


def _draw_figure(figure: Figure, prefix: str, label: str, caption: str) -> Markup:
    return Markup(
        '<figure><div role="img" aria-label="{}">{}</div><figcaption>{}</figcaption></figure>'
    ).format(label, Markup(_svg(figure, prefix)), caption)


def _svg(figure: Figure, prefix: str) -> str:
    """The figure with text as text, the page's colours and fonts, and ids that begin with `prefix`."""
    from matplotlib import rc_context

    target = io.StringIO()
    unknown = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}):
        figure.savefig(target, format="svg", transparent=True, metadata=unknown)
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    for name, colour in _COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    svg = re.sub(r"font: ((?:\w+ )*?[\d.]+px) [^;\"]*", r"font: \1 var(--sans)", svg)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    return re.sub(r'(url\(|href=")#', rf"\1#{prefix}-", svg)


def _new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _style(axes: Axes, grid: str) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=_COLOURS["line"], linewidth=0.7)  # type: ignore[arg-type]  # "x", "y" or "both"
    axes.tick_params(length=0, colors=_COLOURS["soft"], labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(_COLOURS["line"])


def _label_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)))
    for tick, name in zip(axes.set_yticklabels(names), names, strict=True):
        tick.set(parse_math=False, color=_COLOURS["ink"])
        tick.set_text(name if len(name) <= 28 else name[:27] + "…")
    axes.set_ylim(len(names) - 0.5, -0.5)


def _bars(sets: Sequence[MeasuredSet]) -> Figure:
    """Means with intervals on the left, differences to ours with theirs on the right."""
    figure = _new_figure(9.6, 0.9 + 0.95 * len(sets))
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    methods = list(sets[0].values)
    slot = 0.8 / len(methods)
    for number, method in enumerate(methods):
        offset = (number - (len(methods) - 1) / 2) * slot
        rows = np.arange(len(sets), dtype=np.float64) + offset
        _draw_means(left, rows, [measured.figures.methods[method][MAIN] for measured in sets], method, slot)
        if method != OURS:
            differences = [
                measured.figures.difference[f"{OURS}-{method}"][MAIN].interval for measured in sets
            ]
            _draw_differences(right, rows, differences, method)
    names = [f"{measured.label} ({measured.figures.n:,})" for measured in sets]
    for axes in (left, right):
        _style(axes, "x")
        _label_rows(axes, names)
    left.set_xlim(0, 1.13)
    left.set_xticks(np.arange(0, 1.01, 0.2))
    right.tick_params(labelleft=False)
    right.locator_params(axis="x", nbins=5)
    right.axvline(0, color=_COLOURS["soft"], linewidth=1)
    left.set_title(f"{MAIN}", color=_COLOURS["ink"], fontsize=10, loc="left")
    right.set_title("ours minus the other", color=_COLOURS["ink"], fontsize=10, loc="left")
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=len(methods), frameon=False,
        labelcolor=_COLOURS["ink"], fontsize=9,
    )  # fmt: skip
    return figure


def _draw_means(axes: Axes, rows: Floats, intervals: Sequence[Interval], method: str, slot: float) -> None:
    means, errors = _bounds(intervals)
    axes.barh(rows, means, slot * 0.86, color=_COLOURS[method], label=LABELS.get(method, method))
    axes.errorbar(
        means, rows, xerr=errors, fmt="none", color=_COLOURS["ink"], elinewidth=1, capsize=2, capthick=1
    )
    for row, mean, high in zip(rows, means, errors[1], strict=True):
        weight = "bold" if method == OURS else "normal"
        axes.text(
            mean + high + 0.012, row, f"{mean:.3f}", va="center", fontsize=8, color=_COLOURS["ink"],
            fontweight=weight,
        )  # fmt: skip


def _draw_differences(axes: Axes, rows: Floats, intervals: Sequence[Interval], method: str) -> None:
    means, errors = _bounds(intervals)
    axes.errorbar(
        means, rows, xerr=errors, fmt="o", color=_COLOURS[method], ecolor=_COLOURS[method], markersize=5,
        elinewidth=2, capsize=0,
    )  # fmt: skip


def _bounds(intervals: Sequence[Interval]) -> tuple[Floats, Floats]:
    """(n,) means and (2, n) how far the interval reaches to each side; 0 where undefined."""
    figures = np.nan_to_num(np.array([(i.mean, i.low, i.high) for i in intervals], np.float64))
    means, low, high = figures.T
    return means, np.maximum(0, np.stack([means - low, high - means]))


def _scatter(measured: MeasuredSet) -> Figure:
    figure = _new_figure(9.6, 4.7)
    ours = measured.main(OURS)
    for axes, other in zip(figure.subplots(1, 2), ("bm25", "dense"), strict=True):
        others = measured.main(other)
        points, counts = np.unique(np.stack([others, ours], 1).round(3), axis=0, return_counts=True)
        change = points[:, 1] - points[:, 0]
        colours = [_COLOURS["good" if c > 0 else "bad" if c < 0 else "soft"] for c in change]
        axes.plot([0, 1], [0, 1], color=_COLOURS["soft"], linewidth=1, zorder=1)
        axes.scatter(
            points[:, 0], points[:, 1], s=_areas(counts), c=colours, alpha=0.6, linewidths=0, clip_on=False,
            zorder=2,
        )  # fmt: skip
        _style(axes, "both")
        axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal")
        axes.set_xlabel(f"{LABELS[other]}, {MAIN}", color=_COLOURS["ink"])
        axes.set_ylabel(f"ours, {MAIN}", color=_COLOURS["ink"])
        wins, ties, losses = balance(ours, others)
        axes.set_title(
            f"better {wins:,} · equal {ties:,} · worse {losses:,}",
            color=_COLOURS["ink"],
            fontsize=10,
            loc="left",
        )
    return figure


def _areas(counts: Iterable[int]) -> list[float]:
    """Square points; the area grows with the count up to a largest dot."""
    return [min(16.0 * count, 700.0) for count in counts]


def _latency(sets: Sequence[MeasuredSet]) -> Figure:
    figure = _new_figure(9.6, 0.9 + 0.42 * len(sets))
    axes = figure.subplots()
    rows = np.arange(len(sets))
    done = np.zeros(len(sets))
    for stage in sets[0].stages:
        medians = np.array([np.median(measured.stages[stage]) for measured in sets])
        axes.barh(rows, medians, 0.55, left=done, color=_COLOURS[_STAGE_COLOURS[stage]], label=stage)
        done += medians
    _style(axes, "x")
    _label_rows(axes, [measured.label for measured in sets])
    axes.set_xlabel("milliseconds", color=_COLOURS["soft"])
    figure.legend(
        loc="outside lower center", ncols=len(sets[0].stages), frameon=False, labelcolor=_COLOURS["ink"],
        fontsize=9,
    )  # fmt: skip
    return figure


_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Footnote: how well the search finds</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
""")

_STYLE = """
:root {
  color-scheme: light dark;
  --ground: light-dark(#f4f2ee, #141619); --sheet: light-dark(#ffffff, #1c1f23);
  --tint: light-dark(#f6f4f0, #25292e); --line: light-dark(#e2ded6, #343940);
  --ink: light-dark(#1f2226, #e8e6e1); --soft: light-dark(#5c6067, #a5a9b0);
  --good: light-dark(#2c6a45, #8fcfa6); --bad: light-dark(#a02c2c, #f0a0a0);
  --warn: light-dark(#7a4e06, #e6bd72); --mark: light-dark(#fff6da, #3a2f12);
  --ours: light-dark(#24567f, #93c0ea); --dense: light-dark(#c47a3d, #d9975f);
  --bm25: light-dark(#7d9a4e, #9cb86b); --rrf: light-dark(#a3a6ad, #7b8089);
  --sans: -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", system-ui, sans-serif;
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem;
  background: var(--ground); color: var(--ink); font: 1rem/1.5 var(--sans);
}
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.35rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 2rem 0 .3rem; }
h4 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
h5 { font-size: .75rem; margin: 0 0 .4rem; color: var(--soft); text-transform: uppercase; letter-spacing: .05em; }
header p, .facts, figcaption, .understood { color: var(--soft); margin: .2rem 0 1rem; max-width: 48rem; }
a { color: var(--ours); }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; list-style: none; margin: 1rem 0 0; padding: 0; }
section {
  background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem;
  padding: 1.4rem 1.5rem; margin-top: 1.25rem;
}
figure { margin: 1rem 0; }
figure > div { overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 38rem; height: auto; }
figcaption { font-size: .85rem; margin: .5rem 0 0; }
.notice {
  border-left: .25rem solid var(--warn); background: var(--mark); padding: .6rem .9rem; margin: .6rem 0;
}
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; } th[scope=row], thead td { text-align: left; }
td small { display: block; color: var(--soft); font-size: .75rem; }
td.best { font-weight: 700; } td.best small { font-weight: 400; }
td.up { color: var(--good); } td.down { color: var(--bad); } td.even { color: var(--soft); }
.case { border-top: 1px solid var(--line); padding: .9rem 0; }
.scores { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .25rem 0 .7rem; font-size: .85rem; }
.score { border-left: .25rem solid var(--line); padding-left: .45rem; font-variant-numeric: tabular-nums; }
.score small { color: var(--soft); margin-left: .4rem; }
.score.ours { border-color: var(--ours); } .score.dense { border-color: var(--dense); }
.score.bm25 { border-color: var(--bm25); } .score.rrf { border-color: var(--rrf); }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: .5rem 1.5rem; }
.sides > div { min-width: 0; }
blockquote { margin: 0 0 .6rem; padding-left: .7rem; border-left: .2rem solid var(--line); font-size: .875rem; }
blockquote.relevant { border-color: var(--good); }
.sides > div + div blockquote.relevant cite small::after { content: " · relevant"; color: var(--good); }
blockquote p { margin: .1rem 0 0; overflow-wrap: anywhere; }
cite { font-style: normal; font-weight: 600; overflow-wrap: anywhere; }
cite small { display: block; font-weight: 400; color: var(--soft); }
@media print {
  figure svg { min-width: 0; }
  .wide, figure > div { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding: .2rem .3rem; } td small { font-size: 6.5pt; }
  :root { color-scheme: light; --ground: #fff; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  section { border: 0; padding: 0; } nav { display: none; }
  .set { break-before: page; }
  figure, .case, tr, blockquote { break-inside: avoid; }
  h2, h3, h4, h5 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
