"""The starting set of questions."""

from __future__ import annotations

import errno
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot import measuring, starting
from chatbot.corpus import (
    Document,
    corpus_files,
    read_document,
    read_documents,
    read_qrels,
    read_queries,
)
from chatbot.errors import ChatbotError, CorpusError, CorpusMissing
from chatbot.feedback import Feedback
from chatbot.starting import StartingQuestion

FAQ = """# Boats

## How do I moor a boat?

Tie it to the bollard. Use two lines.

## Overview

A bollard is a short post on a quay. It is a strong one. The quay is a wall.

**Q: Who owns the harbour?**

A: The town owns it.

## Tides

High water comes twice a day.
"""
ASKED_TEXT = (
    "Q1. Can I fish here?\nA: Only from the pier.\nQ2. Is there a fee?\nNo fee is due.\n\nDone, is it? Yes.\n"
)


def made(make_corpus: Callable[..., Path], files: dict[str, str | bytes], n: int = 99) -> dict[str, Any]:
    """question -> (origin, quoted evidence)"""
    folder = make_corpus(files)
    documents = {d.doc_id: d for d in read_documents(folder, corpus_files(folder)) if isinstance(d, Document)}
    return {
        question.text: (
            question.origin,
            [documents[piece.doc].text[piece.start : piece.end] for piece in question.evidence],
        )
        for question in starting.make_questions(folder, n)
    }


def test_questions_from_headings_definitions_and_faqs(make_corpus: Callable[..., Path]) -> None:
    assert made(make_corpus, {"boats.md": FAQ}) == {
        "How do I moor a boat?": ("faq", ["Tie it to the bollard. Use two lines."]),
        "What is a bollard?": ("definition", ["A bollard is a short post on a quay."]),
        "Who owns the harbour?": ("faq", ["The town owns it."]),
        "Boats: Tides": ("heading", ["High water comes twice a day."]),
    }


def test_lines_that_ask_in_plain_text(make_corpus: Callable[..., Path]) -> None:
    assert made(make_corpus, {"fishing.txt": ASKED_TEXT}) == {
        "Can I fish here?": ("faq", ["Only from the pier."]),
        "Is there a fee?": ("faq", ["No fee is due.\n\nDone, is it? Yes."]),
    }


def test_lines_that_ask_in_json_lines(make_corpus: Callable[..., Path]) -> None:
    line = json.dumps({"_id": "fishing", "title": "Fishing", "text": ASKED_TEXT})
    assert made(make_corpus, {"lines.jsonl": line}) == {
        "Can I fish here?": ("faq", ["Only from the pier."]),
        "Is there a fee?": ("faq", ["No fee is due.\n\nDone, is it? Yes."]),
    }


@pytest.mark.parametrize(
    "sentence", ["It is a port.", "The city is a port.", "There was a port.", "One of them is a port."]
)
def test_a_sentence_that_points_back_defines_nothing(make_corpus: Callable[..., Path], sentence: str) -> None:
    with pytest.raises(CorpusMissing, match="nothing in"):
        made(make_corpus, {"port.txt": sentence})


LINES = st.lists(
    st.sampled_from(
        [
            "A bollard is a post.",
            "*Fenders* are a kind of cushion. The quay is old.",
            "Q: Who owns the quay?",
            "1. Is there a fee?",
            "A: The town owns it.",
            "# Harbour handbook",
            "## What does it mean?",
            "## Mooring a boat",
            "- Tie it to the bollard.",
            "?",
            "",
            "",
        ]
    ),
    max_size=12,
).map("\n".join)


def test_evidence_is_a_span_of_its_document() -> None:
    origins = Counter[str]()

    @given(LINES)
    def check(text: str) -> None:
        for name in ("d.md", "d.txt"):
            document = read_document(text, name)
            for question in starting._from_document(document):
                origins[question.origin] += 1
                assert question.text.strip()
                for piece in question.evidence:
                    assert 0 <= piece.start < piece.end <= len(text)
                    assert text[piece.start : piece.end].strip()

    check()
    assert origins.keys() == {"faq", "definition", "heading"}


def test_the_same_question_of_two_documents_has_both_as_relevant(make_corpus: Callable[..., Path]) -> None:
    files = {"a.txt": "A bollard is a post.", "b.txt": "A bollard is a thick post."}
    (question,) = starting.make_questions(make_corpus(files), 9)
    assert question.documents == ("a.txt", "b.txt")
    assert len(question.evidence) == 2


def test_each_origin_gets_its_share(make_corpus: Callable[..., Path]) -> None:
    terms = ("bollard", "cleat", "fender", "winch", "keel", "mast")
    text = " ".join(f"A {term} is a part." for term in terms)
    chosen = made(make_corpus, {"parts.txt": text, "fishing.txt": ASKED_TEXT}, 4)
    assert sorted(origin for origin, _ in chosen.values()) == ["definition", "definition", "faq", "faq"]
    assert {"What is a bollard?", "What is a winch?"} <= set(chosen)  # spread, not the first two


def vote(
    question: str,
    thumb: str,
    doc: Document | None,
    quote: str = "",
    sha256: str = "",
    status: str = "answered",
) -> str:
    citations = []
    if doc:
        start = doc.text.index(quote)
        citations = [
            {
                "doc_id": doc.doc_id,
                "start": start,
                "end": start + len(quote),
                "quote": quote,
                "title": doc.title,
                "doc_sha256": sha256 or doc.sha256,
            }
        ]
    answer = {
        "standalone_question": question,
        "status": status,
        "short_answer": "yes",
        "citations": citations,
    }
    return json.dumps({"question": "short?", "vote": thumb, "answer": answer}) + "\n"


def test_the_last_vote_on_an_answer_counts(make_corpus: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_corpus({"pier.txt": "Fish bite at noon."})
    (pier,) = (d for d in read_documents(folder, corpus_files(folder)) if isinstance(d, Document))
    feedback = Feedback(tmp_path / "feedback.jsonl")
    feedback.file.write_text(
        vote("When?", "up", pier, "at noon")
        + vote("Where?", "up", pier, "Fish")
        + vote("Where?", "down", pier, "Fish")
        + vote("Refused?", "up", pier, "Fish", status="closest")
        + vote("Gone?", "up", replace(pier, doc_id="gone.txt"), "Fish")
        + vote("Older?", "up", pier, "Fish", sha256="another")
        + vote("Nothing?", "up", None),
        encoding="utf-8",
    )
    questions = starting.make_questions(folder, 9, feedback.votes()[0])
    assert [(q.text, q.documents, len(q.evidence), q.answers) for q in questions] == [
        ("When?", ("pier.txt",), 1, ("yes",)),
        ("Older?", ("pier.txt",), 0, ("yes",)),  # its text changed, so the span is not known any more
    ]


def test_a_vote_of_which_a_crash_left_half_hinders_no_other(
    make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_corpus({"pier.txt": "Fish bite at noon."})
    (pier,) = (d for d in read_documents(folder, corpus_files(folder)) if isinstance(d, Document))
    feedback = Feedback(tmp_path / "feedback.jsonl")
    half = '{"question": "Wo ist das Café'.encode()[:-1]
    feedback.file.write_bytes(vote("When?", "up", pier, "at noon").encode() + half)
    assert measuring.make_starting_set(folder, feedback) == 1
    (query,) = read_queries(folder).values()
    assert query.text == "When?"


def test_the_script_makes_questions_that_it_can_evaluate(
    evaluate_retrieval: Callable[..., int],
    make_corpus: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, apart = make_corpus({"boats.md": FAQ, "fishing.txt": ASKED_TEXT}), tmp_path / "apart"
    assert evaluate_retrieval(folder, "--make-questions", 5, apart) == 0
    queries = read_queries(apart)
    assert set(read_qrels(apart, "dev")) == set(queries)
    assert {query.kind for query in queries.values()} == {"generated"}
    assert all(query.evidence for query in queries.values())
    capsys.readouterr()
    assert evaluate_retrieval(folder, "--questions", apart, "--split", "dev", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["n"], figures["generated"]) == (len(queries), True)


MANUAL = """# Harbour handbook

The harbour is old. A bollard is a short post on a quay.

## 2. Mooring:

**Fenders** are a kind of cushion. Photosynthesis is the process of plants, and photosynthesis needs light.

## What does it mean?

It means that John Smith was an engineer. John Smith was an engineer. Chapter 2 is a draft.

## Can I moor a boat here?

Yes.

## Overview

The first reason is a secret. A good example is the quay. Saturday is the busiest day.

## SAFETY RULES

Wear a vest.

## 3.1

Numbers.
"""


def test_questions_to_suggest_read_well() -> None:
    assert starting.questions_of(read_document(MANUAL, "manual.md")) == [
        ("What is a bollard?", "Harbour handbook"),
        ("What are Fenders?", "Harbour handbook › 2. Mooring:"),
        ("What is photosynthesis?", "Harbour handbook › 2. Mooring:"),
        ("What is known about John Smith?", "Harbour handbook › What does it mean?"),
        ("What is known about “Harbour handbook”?", "Harbour handbook"),
        ("What does “Harbour handbook” say about “Mooring”?", "Harbour handbook › 2. Mooring:"),
        ("Can I moor a boat here?", "Harbour handbook › Can I moor a boat here?"),
    ]


@pytest.mark.parametrize(
    ("heading", "title", "asked"),
    [
        ("Noise", "House rules", "What does “House rules” say about “Noise”?"),
        ("Why so?", "House rules", "Why so?"),
        ("Cleaning the shared kitchen", "scan_0012", "What is known about “Cleaning the shared kitchen”?"),
        ("Noise", "scan_0012", ""),  # needs a title that says something
        ("Sheet1", "Budget", ""),
        ("Appendix B", "Budget", ""),
        ("2026", "Budget", ""),
        ("`--verbose`", "Options", ""),
        ("IMPORTANT NOTICE", "Budget", ""),
        ("VAT", "Budget", "What does “Budget” say about “VAT”?"),
        ("Overview", "Budget", ""),
        ("Budget", "Budget", ""),
    ],
)
def test_a_heading_is_asked_about_if_it_says_something(heading: str, title: str, asked: str) -> None:
    assert starting.question_about(heading, title) == asked


def test_what_is_suggested_can_be_shown_and_names_a_section() -> None:
    suggested = set[tuple[str, str]]()

    @given(LINES)
    def check(text: str) -> None:
        document = read_document(text, "d.md")
        questions = starting.questions_of(document)
        suggested.update(questions)
        for question, section in questions:
            assert starting.presentable(question)
            assert section in {block.section for block in document.blocks}

    check()
    assert len({question for question, _ in suggested}) > 4
    assert len({section for _, section in suggested}) > 2


def test_suggested_questions_come_from_all_documents() -> None:
    parts = {
        "a": ("bollard", "cleat", "fender"),
        "b": ("winch", "keel", "mast"),
        "c": ("oar", "rudder", "sail"),
    }
    documents = [
        read_document(" ".join(f"A {term} is a part." for term in terms), f"{name}.txt")
        for name, terms in parts.items()
    ]
    chosen = starting.suggest_questions(documents, 3)
    assert {doc_id for _, doc_id, _ in chosen} == {"a.txt", "b.txt", "c.txt"}
    assert len(starting.suggest_questions(documents, 5)) == 5  # two of each at most
    fewer = starting.suggest_questions(documents[:2], 6)
    assert {doc_id for _, doc_id, _ in fewer} == {"a.txt", "b.txt"}
    assert starting.suggest_questions([], 5) == []


def test_questions_are_never_overwritten(evaluate_retrieval: Callable[..., int], asked: Path) -> None:
    before = {path: path.read_bytes() for path in asked.rglob("*") if path.is_file()}
    assert evaluate_retrieval(asked, "--make-questions", 5, asked) == 2
    assert {path: path.read_bytes() for path in asked.rglob("*") if path.is_file()} == before


def test_nothing_is_left_of_questions_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def full(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "queries.jsonl":
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, *arguments, **options)

    questions = [starting.StartingQuestion("When does the club meet?", "faq", ("minutes.md",))]
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        with pytest.raises(CorpusError, match="cannot be written"):
            starting.write_questions(questions, tmp_path / "corpus", tmp_path)
    assert len(starting.write_questions(questions, tmp_path / "corpus", tmp_path)) == 2


def test_questions_are_not_written_among_the_documents(asked: Path) -> None:
    question = StartingQuestion("Who?", "faq", ("ships.md",))
    with pytest.raises(CorpusError, match="read as documents"):
        starting.write_questions([question], asked, asked / "questions")


@pytest.mark.parametrize("count", ["0", "-1", "many", "1.5"])
def test_a_count_that_is_none_is_refused(count: str) -> None:
    with pytest.raises(ChatbotError, match="whole number"):
        starting.question_count(count)
