"""Evaluations in the background: what they find, that there is one at a time, and that they stop."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import FILES, HashEncoder

from chatbot import measuring, starting
from chatbot.answer import Chatbot
from chatbot.app import evaluation
from chatbot.corpus import Query, read_queries
from chatbot.errors import ChatbotError, CorpusError
from chatbot.evaluate import OURS, Difference, Interval, RetrievalReport
from chatbot.feedback import Feedback
from chatbot.index import build_index
from chatbot.measuring import Evaluations, Split, Stopped, make_starting_set, measure, splits
from chatbot.result import AnswerFigures, Ranking, Result, Settings, keep_result, last_result

ASKED = [
    ("Where did the Missouri lie?", "ships.md", "people"),
    ("How long can an oak live?", "trees.md", "people"),
    ("What is the Amur?", "rivers.txt", starting.GENERATED),
]


@pytest.fixture
def asked(built: tuple[Path, Path]) -> Path:
    """A corpus with three answerable questions, one of them generated, and one that nothing answers."""
    corpus = built[0]
    lines = [
        {"_id": str(n), "text": text, "metadata": {"kind": kind}} for n, (text, _, kind) in enumerate(ASKED)
    ]
    lines.append({"_id": "none", "text": "Who baked?", "metadata": {"answerable": False}})
    (corpus / "queries.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (corpus / "qrels").mkdir()
    judged = "".join(f"{n}\t{doc_id}\t1\n" for n, (_, doc_id, _) in enumerate(ASKED))
    (corpus / "qrels" / "dev.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}none\ttrees.md\t0\n")
    return corpus


@pytest.fixture
def bot(built: tuple[Path, Path], encoder: HashEncoder) -> Chatbot:
    return Chatbot(built[1], encoder)


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report, which takes seconds, unless a test asks for it."""
    monkeypatch.setattr(measuring, "DRAWN", False)


def started(folder: Path) -> Evaluations:
    """As after a start of the program."""
    return Evaluations({name: folder / f"{name}.json" for name in ("ships", "others")})


def quiet(stage: str, done: int, total: int) -> None:
    pass


def test_people_and_programs_are_measured_apart(asked: Path, bot: Chatbot) -> None:
    result = measure("ships", asked, bot, Settings("dev", None, answers=True), quiet)
    assert [(part.generated, part.figures.n) for part in result.sets] == [(False, 2), (True, 1)]
    assert result.sets[0].figures.methods[OURS]["R@10"].mean == 1.0  # ten is more than all documents
    assert result.answers is not None
    assert (result.answers.n, result.answers.answerable_n) == (4, 3)
    assert result.page == ""
    assert result.missing == ()


def test_the_limit_counts_questions_and_progress_reaches_its_end(asked: Path, bot: Chatbot) -> None:
    told: list[tuple[str, int, int]] = []
    result = measure("ships", asked, bot, Settings("dev", 1), lambda *step: told.append(step))
    assert sum(part.figures.n for part in result.sets) == 1
    assert result.answers is None
    assert [step for step in told if step[0] == "Searching"] == [("Searching", 0, 1), ("Searching", 1, 1)]


def test_documents_that_are_judged_but_gone_are_named(asked: Path, bot: Chatbot) -> None:
    with (asked / "qrels" / "dev.tsv").open("a") as lines:
        lines.write("0\tgone.md\t1\n")
    assert measure("ships", asked, bot, Settings("dev"), quiet).missing == ("gone.md",)


def test_splits_say_how_many_questions_are_generated(asked: Path, make_corpus: Any) -> None:
    assert splits(asked) == [Split("dev", 4, 1)]
    assert splits(make_corpus(FILES, "unasked")) == []


def test_a_hidden_file_is_no_split(asked: Path) -> None:
    before = splits(asked)
    (asked / "qrels" / "._test.tsv").write_bytes(b"\0\5\x16\7\xff")
    assert splits(asked) == before


def test_an_evaluation_runs_beside_and_keeps_its_result(asked: Path, bot: Chatbot, tmp_path: Path) -> None:
    evaluations = started(tmp_path)
    evaluations.start("ships", asked, bot, Settings("dev", 2))
    evaluations.wait(60)
    state = evaluations.state("ships")
    assert (state.running, evaluations.running, state.note) == (False, "", "")
    assert state.result is not None
    assert evaluations.state("another").result is None


def test_there_is_one_evaluation_at_a_time_and_it_can_be_stopped(
    asked: Path, bot: Chatbot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(
        collection: str, corpus: Path, chatbot: Chatbot, settings: Settings, tell: measuring.Tell
    ) -> Any:
        tell("Searching", 1, 4)
        begun.set()
        go_on.wait(30)
        tell("Searching", 2, 4)  # raises Stopped
        raise AssertionError("went on after it was stopped")

    monkeypatch.setattr(measuring, "measure", wait)
    evaluations = started(tmp_path)
    evaluations.start("ships", asked, bot, Settings("dev"))
    assert begun.wait(30)
    state = evaluations.state("ships")
    assert (state.running, state.stage, state.done, state.total) == (True, "Searching", 1, 4)
    with pytest.raises(ChatbotError, match="“ships” is running"):
        evaluations.start("others", asked, bot, Settings("dev"))
    assert 'data-running="this"' in evaluation.draw_progress(evaluations, "ships", "")
    assert "An evaluation of “ships” is running" in evaluation.draw_progress(evaluations, "others", "")
    evaluations.stop()
    go_on.set()
    evaluations.wait(30)
    assert evaluations.state("ships").note == "Stopped. Nothing was changed."
    monkeypatch.undo()
    evaluations.start("ships", asked, bot, Settings("dev", 1))
    evaluations.wait(60)
    assert evaluations.state("ships").result is not None


@pytest.mark.parametrize(
    ("error", "note"), [(CorpusError("no <b>"), "Not evaluated: no <b>"), (KeyError("x"), measuring.BROKEN)]
)
def test_an_error_is_told_and_the_result_before_stays(
    asked: Path, bot: Chatbot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, note: str
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    evaluations = started(tmp_path)
    evaluations.start("ships", asked, bot, Settings("dev", 1))
    evaluations.wait(60)
    monkeypatch.setattr(measuring, "measure", fail)
    evaluations.start("ships", asked, bot, Settings("dev", 1))
    evaluations.wait(60)
    state = evaluations.state("ships")
    assert note in state.note
    assert state.result is not None
    assert "<b>" not in evaluation.draw_progress(evaluations, "ships", "")


def test_a_split_that_is_not_there_is_refused_at_once(asked: Path, bot: Chatbot, tmp_path: Path) -> None:
    evaluations = started(tmp_path)
    with pytest.raises(CorpusError, match=r"no .*test\.tsv"):
        evaluations.start("ships", asked, bot, Settings("test"))
    assert evaluations.running == ""


# ---- the last result, after a restart


def test_the_last_result_outlives_the_program(asked: Path, bot: Chatbot, tmp_path: Path) -> None:
    evaluations = started(tmp_path)
    evaluations.start("ships", asked, bot, Settings("dev", None, answers=True))
    evaluations.wait(60)
    live = bot.live().generation
    shown = evaluation.draw_progress(evaluations, "ships", live)
    assert f"with the index <code>{live}</code>" in shown
    assert "has changed since" not in shown
    assert evaluation.draw_progress(started(tmp_path), "ships", live) == shown
    assert "The figures will stand here" in evaluation.draw_progress(started(tmp_path), "others", live)
    (asked / "oaks.md").write_text("Oaks bear acorns.", encoding="utf-8")
    build_index(asked, bot.folder, bot.encoder)
    changed = evaluation.draw_progress(started(tmp_path), "ships", bot.live().generation)
    assert "The index has changed since" in changed
    assert f"with the index <code>{live}</code>" in changed


RESULT = Result(
    Settings("dev", None, answers=True),
    (
        Ranking(
            RetrievalReport(
                "ships", 3, 4, 1,
                {"ours": {"nDCG@10": Interval(0.5, 0.25, 0.75, 1)}},
                {"ours-rrf": {"nDCG@10": Difference(Interval(0.1, math.nan, math.nan, 1), math.nan)}},
                {"median": None, "p95": 3.5},
            ),
            generated=True,
        ),
    ),
    AnswerFigures(
        2, 1,
        {
            "answerable": {"contains_answer": Interval(1.0, 1.0, 1.0, 1)},
            "refusal": {"auroc": Interval(math.nan, math.nan, math.nan, 0)},
        },
    ),
    ("gone.md",),
    "<p>report</p>",
    1.5,
    "20240102T030405-abc",
    "2024-01-02T03:04:05+00:00",
)  # fmt: skip


def test_nothing_of_a_result_is_lost_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "evaluation.json"
    keep_result(RESULT, file)
    assert repr(last_result(file)) == repr(RESULT)  # NaN equals nothing
    read = last_result(file)
    assert read is not None
    assert read.page == "<p>report</p>"
    json.loads(file.read_bytes(), parse_constant=pytest.fail)  # no NaN, which is not JSON
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"format": 2}',
        b'{"format": 1}',
        b'{"format": 1, "settings": []}',
    ],
)
def test_a_file_that_holds_no_result_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ships.json").write_bytes(content)
    assert started(tmp_path).state("ships").result is None


def test_a_result_that_cannot_be_kept_is_shown_all_the_same(
    asked: Path, bot: Chatbot, tmp_path: Path
) -> None:
    (tmp_path / "ships.json").mkdir()
    evaluations = started(tmp_path)
    evaluations.start("ships", asked, bot, Settings("dev", 1))
    evaluations.wait(60)
    state = evaluations.state("ships")
    assert state.result is not None
    assert "cannot be written (Is a directory)" in state.note


def test_stopping_is_noticed_between_two_questions() -> None:
    seen = []

    def stop(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    def search() -> None:
        seen.extend(measuring._counted([Query(str(n), "?") for n in range(9)], "Searching", stop))

    with pytest.raises(Stopped):
        search()
    assert [query.query_id for query in seen] == ["0", "1"]


def test_a_starting_set_is_marked_and_replaces_no_questions(make_corpus: Any, tmp_path: Path) -> None:
    corpus = make_corpus(FILES, "unasked")
    made = make_starting_set(corpus, Feedback(tmp_path / "feedback.jsonl"), 3)
    assert {query.kind for query in read_queries(corpus).values()} == {"generated"}
    assert splits(corpus) == [Split("dev", made, made)]
    with pytest.raises(CorpusError, match="not overwritten"):
        make_starting_set(corpus, Feedback(tmp_path / "feedback.jsonl"), 3)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"split": ""},
        {"split": "../dev"},
        {"split": ["dev"]},
        {"split": "dev", "limit": "0"},
        {"split": "dev", "limit": "-1"},
        {"split": "dev", "limit": "many"},
        {"split": "dev", "limit": "9" * 400},
    ],
)
def test_settings_that_make_no_sense_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"choose a split|whole number"):
        evaluation.read_settings(data)


def test_settings_are_read_from_the_form() -> None:
    assert evaluation.read_settings({"split": "dev", "limit": ""}) == Settings("dev", None)
    assert evaluation.read_settings({"split": "dev", "limit": "7", "answers": True}) == Settings(
        "dev", 7, True
    )


def test_the_report_is_shown_where_it_can_do_nothing(
    asked: Path, bot: Chatbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(measuring, "DRAWN", True)
    frame = evaluation.draw_report(measure("<script>", asked, bot, Settings("dev", 1), quiet))
    assert frame.startswith('<iframe sandbox title="Report" srcdoc="')
    assert frame.count("<") == 2  # the frame's own; the report's are escaped
    assert evaluation.draw_report(None) == ""
