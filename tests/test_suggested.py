"""Questions that a page suggests: only answered ones, tried once, found while they are typed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FILES, HashEncoder
from evaluating import PARAMETERS

from chatbot.answer import REFUSALS, Chatbot
from chatbot.errors import IndexBroken
from chatbot.index import build_index
from chatbot.suggested import Tried, complete, first_answered, spread, try_in_background

QUESTIONS = [
    "When was the Missouri built?",
    "How long is the Missouri?",
    "Who was the captain of the Missouri?",
    "How did the war end?",
    "Was Tōgō an admiral?",
]


def test_a_question_is_tried_once_a_generation() -> None:
    tried, asked = Tried(), list[str]()

    def ask(question: str) -> bool:
        asked.append(question)
        return question == "Yes?"

    assert tried.answered("Yes?", "one", ask)
    assert tried.answered("Yes?", "one", ask)
    assert not tried.answered("No?", "one", ask)
    assert asked == ["Yes?", "No?"]
    assert tried.known("one") == {"Yes?": True, "No?": False}
    assert tried.answered("Yes?", "two", ask)
    assert asked == ["Yes?", "No?", "Yes?"]
    assert tried.known("two") == {"Yes?": True}


def test_a_question_is_tried_for_each_section_that_is_to_answer_it() -> None:
    tried, asked = Tried(), list[tuple[str, str | None]]()

    def ask(question: tuple[str, str | None]) -> bool:
        asked.append(question)
        return question == ("What is the crew?", "Ships")

    sections = ["Ships", "Songs", None, "Ships"]
    told = [tried.answered(("What is the crew?", section), "one", ask) for section in sections]
    assert told == [True, False, False, True]
    assert [section for _, section in asked] == ["Ships", "Songs", None]


def test_the_first_answered_are_taken_and_no_more_than_most_are_tried() -> None:
    tried: list[str] = []

    def answers(question: str) -> bool:
        tried.append(question)
        return question in "bdf"

    assert first_answered("abcdefgh", 2, answers, most=8, seconds=60) == ["b", "d"]
    assert tried == list("abcd")
    assert first_answered("abcdefgh", 3, answers, most=3, seconds=60) == ["b"]
    assert first_answered("abcdefgh", 3, answers, most=8, seconds=-1) == []


def test_questions_from_all_over_come_first() -> None:
    assert list(spread("abcdefg", 3)) == list("acebdfg")
    assert list(spread("ab", 6)) == ["a", "b"]
    assert list(spread("", 6)) == []
    assert list(spread("abcdefghijk", 6)) == list("abdfhj" + "cegik")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("when was", [0]),
        ("How", [1, 3]),
        ("how l", [1]),
        ("missouri", [0, 1, 2]),
        ("the captain of miss", [2]),
        ("the war e", [3]),
        ("togo", [4]),  # accents may be left out
        ("was", [4]),  # it begins one; that it is in the first says nothing
        ("the", []),  # in most, at the start of none
        ("zeppelin", []),
        ("  ", []),
        ("?!", []),
    ],
)
def test_what_is_typed_is_completed_from_its_start_or_by_its_words(typed: str, found: list[int]) -> None:
    assert complete(typed, QUESTIONS) == [QUESTIONS[number] for number in found]


def test_completing_takes_a_moment_among_thousands() -> None:
    many = [f"What is said of place {number} in the report?" for number in range(10_000)]
    complete("warm", many)
    began = time.perf_counter()
    assert complete("place 9999", many) == [many[9999]]
    assert time.perf_counter() - began < 0.5  # measured: about 10 ms


@pytest.fixture
def asked(make_corpus: Callable[..., Path], tmp_path: Path, encoder: HashEncoder) -> Chatbot:
    """A chatbot whose corpus brings two questions: one that its documents answer, and one that they do not."""
    texts = ["Where does the Amur form a border?", "Why do zeppelins fly over Antarctica?"]
    lines = "\n".join(json.dumps({"_id": str(n), "text": text}) for n, text in enumerate(texts))
    qrels = "query-id\tcorpus-id\tscore\n0\trivers.txt\t1\n1\trivers.txt\t1\n"
    corpus = make_corpus({**FILES, "queries.jsonl": lines, "qrels/dev.tsv": qrels})
    build_index(corpus, tmp_path / "index", encoder)
    return Chatbot(tmp_path / "index", encoder)


def test_what_is_suggested_is_answered(asked: Chatbot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chatbot, "_is_answered", lambda self, question, **_: "Amur" in question)
    assert asked.examples() == ["Where does the Amur form a border?"]
    answer = asked.answer("How long is the Missouri?")
    assert "Where does the Amur form a border?" not in asked.suggestions(
        answer, ["Where does the Amur form a border?"]
    )
    assert asked.completions("why do") == []


def test_whether_a_question_is_answered_is_what_its_answer_says(asked: Chatbot) -> None:
    for question in ("Where does the Amur form a border?", "Why do zeppelins fly over Antarctica?"):
        assert asked.answers(question) == (asked.answer(question).status not in REFUSALS)


def test_only_questions_known_to_be_answered_complete_what_is_typed(
    asked: Chatbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Chatbot, "_is_answered", lambda self, question, **_: "Amur" in question)
    assert asked.completions("where") == []
    assert asked.untried() == "Where does the Amur form a border?"
    assert asked.answers(asked.untried())
    assert asked.completions("where") == ["Where does the Amur form a border?"]
    assert not asked.answers(asked.untried())
    assert asked.untried() == ""


def test_questions_of_a_corpus_that_brings_none_are_made_and_tried(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    chatbot = Chatbot(built[1], encoder, None, {"untrained": PARAMETERS})
    assert chatbot.completions("what is") == []
    while question := chatbot.untried():
        chatbot.answers(question)
    assert set(chatbot.completions("what is the")) == {"What is the Amur?", "What is the Missouri?"}
    for question in chatbot.completions("what"):
        assert chatbot.answer(question).status not in REFUSALS


def test_a_made_question_is_to_be_answered_by_its_own_section(
    make_corpus: Callable[..., Path], tmp_path: Path, encoder: HashEncoder
) -> None:
    files: dict[str, str | bytes] = {
        "ships.md": "# Ships\n\n## Crew\n\nSailors came from Ohio.\n",
        "songs.txt": "What do the ships say about the crew? That of the ships.\n",
    }
    build_index(make_corpus(files), tmp_path / "index", encoder)
    chatbot = Chatbot(tmp_path / "index", encoder, None, {"untrained": PARAMETERS})
    question = "What does “Ships” say about “Crew”?"
    assert [citation.doc_id for citation in chatbot.answer(question).citations] == ["songs.txt"]
    assert not chatbot.answers(question)


class Asked:
    """What is tried in the background of it."""

    def __init__(self, asked_at: float) -> None:
        self.asked_at = asked_at
        self.tried = threading.Event()

    def untried(self) -> str:
        return "" if self.tried.is_set() else "Why?"

    def answers(self, question: str) -> bool:
        self.tried.set()
        return True


class BrokenOnce(Asked):
    """What cannot be read when it is first looked at."""

    def __init__(self) -> None:
        super().__init__(time.monotonic() - 60)
        self.looked: list[float] = []

    def untried(self) -> str:
        self.looked.append(time.monotonic())
        if len(self.looked) == 1:
            raise IndexBroken("passages.faiss is cut short")
        return super().untried()


def test_trying_goes_on_in_a_while_after_an_error() -> None:
    broken = BrokenOnce()
    stop = try_in_background([broken])
    assert broken.tried.wait(10)
    stop.set()
    assert broken.looked[1] - broken.looked[0] > 1  # seconds


def test_questions_are_tried_while_nobody_asks_one() -> None:
    quiet, busy = Asked(time.monotonic() - 60), Asked(time.monotonic() + 60)
    stop = try_in_background([busy, quiet])
    assert quiet.tried.wait(10)
    stop.set()
    assert not busy.tried.is_set()
