"""The shipped articles are plain prose, and every judged answer stands in them."""

from __future__ import annotations

import re
from functools import cache

import pytest
from conftest import ROOT

from chatbot.corpus import (
    Document,
    Query,
    corpus_files,
    read_documents,
    read_qrels,
    read_queries,
    split_queries,
    split_sentences,
)
from chatbot.evaluate import contains_string

CORPUS = ROOT / "corpus"
TRAINING = ROOT / "scripts" / "reader_questions"
TRAINED = ("train", "train_again")
SPLITS = ("dev", "test", "heldout", "heldout2", *TRAINED, "fit", "followups", "written_out", "premises")
LEARNED = (*TRAINED, "fit", "dev")
ARTICLES = sorted((CORPUS / "articles").glob("*.md"))
MARKUP = re.compile(
    r"<[a-zA-Z/!]|\]\(|!\[|\*\*|__|`|\{\{|\[\[|&[a-z]+;|^\s*(?:[-*+>|]|\d+[.)])\s", re.MULTILINE
)


@cache
def documents() -> dict[str, Document]:
    read = list(read_documents(CORPUS, corpus_files(CORPUS)))
    assert all(isinstance(item, Document) for item in read)
    return {item.doc_id: item for item in read if isinstance(item, Document)}


@cache
def queries() -> dict[str, Query]:
    return read_queries(CORPUS)


@cache
def judged() -> tuple[Query, ...]:
    """Those, and the ones on these articles that only train the reader."""
    return *queries().values(), *split_queries(TRAINING, "articles")


@cache
def sentence_spans(doc_id: str) -> frozenset[tuple[int, int]]:
    document = documents()[doc_id]
    return frozenset(
        span for block in document.blocks for span in split_sentences(document.text, block.start, block.end)
    )


def body(text: str) -> str:
    """The article without its front matter and headings."""
    after = text.split("\n---\n", 1)[1]
    return "\n".join(line for line in after.split("\n") if not line.startswith("#"))


def test_there_are_fifty_articles_or_more_and_all_are_read() -> None:
    assert len(ARTICLES) >= 50
    assert {f"articles/{path.name}" for path in ARTICLES} <= documents().keys()
    assert not [warning for document in documents().values() for warning in document.warnings]


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_an_article_has_front_matter_and_300_to_700_words_without_markup(path) -> None:  # type: ignore[no-untyped-def]
    text = path.read_text("utf-8")
    assert 300 <= len(body(text).split()) <= 700
    assert not MARKUP.search(body(text))
    matter = text.split("\n---\n", 1)[0]
    assert matter.startswith("---\n")
    for key in ("title", "topics", "further_reading"):
        assert re.search(rf"^{key}:", matter, re.MULTILINE), key


def test_titles_are_unique() -> None:
    titles = [document.title for document in documents().values()]
    assert len(set(titles)) == len(titles)


def test_evidence_is_a_whole_sentence_of_its_document() -> None:
    wrong = [
        (query.query_id, evidence)
        for query in judged()
        for evidence in query.evidence
        if (evidence.start, evidence.end) not in sentence_spans(evidence.doc)
    ]
    assert wrong == []


def test_every_answer_stands_in_some_evidence_as_the_scorer_reads_it() -> None:
    wrong = [
        (query.query_id, answer)
        for query in judged()
        for answer in query.answers
        if not any(
            contains_string(documents()[e.doc].text[e.start : e.end], [answer]) for e in query.evidence
        )
    ]
    assert wrong == []


def test_answerable_questions_have_evidence_and_the_others_have_none() -> None:
    wrong = [query.query_id for query in judged() if query.answerable != bool(query.evidence)]
    assert wrong == []


def test_part_of_an_answer_is_a_sentence_and_no_evidence() -> None:
    partly = [(query, item) for query in judged() for item in query.partly]
    assert partly
    assert all((item.start, item.end) in sentence_spans(item.doc) for _, item in partly)
    assert not [query.query_id for query, item in partly if item in query.evidence]


def test_judged_documents_are_there_and_those_of_the_evidence_are_relevant() -> None:
    for split in SPLITS:
        for query_id, judged in read_qrels(CORPUS, split).items():
            assert judged.keys() <= documents().keys(), query_id
            evidence = {item.doc for item in queries()[query_id].evidence}
            assert evidence <= {doc for doc, relevance in judged.items() if relevance > 0}, query_id


def test_the_eight_seed_questions_are_there() -> None:
    assert {f"seed-{number}" for number in range(1, 9)} <= queries().keys()


def test_there_are_enough_questions_of_each_kind() -> None:
    kinds = [query.kind for query in queries().values()]
    assert len(kinds) >= 240
    assert sum(not query.answerable for query in queries().values()) >= 50
    assert kinds.count("off_topic") >= 20
    assert all(not query.answerable for query in queries().values() if query.kind == "off_topic")


def test_what_is_learned_or_fitted_on_is_not_reported_on() -> None:
    """But for four questions of `dev` that others wrote once more, word for word."""
    asked = {
        split: {
            (q.text.casefold().rstrip("?. "), q.history): q.query_id for q in split_queries(CORPUS, split)
        }
        for split in SPLITS
    }
    more = {(q.text.casefold().rstrip("?. "), q.history) for q in split_queries(TRAINING, "articles")}
    assert all(asked.values())
    shared = {
        (learned, theirs[question])
        for learned, own in (*((split, asked[split]) for split in LEARNED), ("articles", more))
        for split, theirs in asked.items()
        if split not in (learned, *TRAINED)
        for question in set(own) & set(theirs)
    }
    assert shared == {
        ("dev", "heldout-018"),
        ("dev", "written-out-05"),
        ("dev", "written-out-12"),
        ("dev", "written-out-66"),
    }
