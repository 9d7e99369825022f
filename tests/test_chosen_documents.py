"""Questions that are limited to chosen documents: the search against an oracle, answers, receipts, commands."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import HashEncoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_answer import parameters
from test_index import WORDS, WordVectors, corpus_of_words

import chatbot.index as index_module
from chatbot import __main__ as commands
from chatbot.answer import MOST_CHOSEN, Chatbot
from chatbot.collection import Collection
from chatbot.errors import QuestionError, ReceiptError
from chatbot.index import PassageIndex, build_index
from chatbot.receipt import make_receipt, parse_receipt, replay
from chatbot.terms import stems

QUESTION = "How long is the Missouri?"


# The search ---------------------------------------------------------------------------------


def write_shelf(corpus: Path) -> Path:
    """40 documents of 1 to 20 passages, some of which are alike; the words are few."""
    dice = random.Random(5)
    corpus.mkdir()
    for number in range(40):
        sections = [
            f"## {dice.choice(WORDS)}\n\n{' '.join(dice.choices(WORDS, k=dice.randint(2, 6)))}. "
            f"{' '.join(dice.choices(WORDS, k=3))}.\n"
            for _ in range(dice.randint(1, 20))
        ]
        (corpus / f"{number:02}.md").write_text("\n".join(sections))
    return corpus


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> PassageIndex:
    place = tmp_path_factory.mktemp("shelf")
    encoder = HashEncoder()
    build_index(write_shelf(place / "corpus"), place / "index", encoder)
    return PassageIndex.open(place / "index", encoder)


def expected_scores(index: PassageIndex, question: str, only: frozenset[str], depth: int) -> dict[int, float]:
    """Every passage of these documents is compared, by numpy alone; score by row."""
    query = index.encoder.encode_queries([question])[0]
    rows = np.array([row for row in range(len(index)) if index.doc_id(row) in only])
    passages = np.stack([index._passages[row] for row in rows])
    dense = np.einsum("nd,d->n", passages, query)
    sentence = np.array([np.einsum("nd,d->n", index.sentence_vectors(row), query).max() for row in rows])
    lexical = index.lexical_scores(stems(question))[rows]
    by_words = [i for i in np.argsort(-lexical, kind="stable")[:depth] if lexical[i] > 0]
    pool = np.union1d(np.argsort(-dense, kind="stable")[:depth], by_words).astype(int)
    meaning = (dense + np.maximum(dense, sentence.astype(np.float32)))[pool] / 2
    words = lexical[pool] / sum(index.idf(stem) for stem in stems(question))
    tokens = np.array([nearest_tokens(index, question, int(row)) for row in rows[pool]])
    scores = meaning / 3 + words / 6 + tokens / 2
    cosines = np.round(passages[pool] @ passages[pool].T, 4)
    drawn = []
    for i in range(len(pool)):
        others = [j for j in np.argsort(-cosines[i], kind="stable") if j != i][:5]
        drawn.append(sum(max(cosines[i, j], 0) ** 2 * (scores[j] - scores[i]) for j in others))
    return dict(zip(rows[pool].tolist(), (scores + 0.1 * np.array(drawn)).tolist(), strict=True))


def nearest_tokens(index: PassageIndex, question: str, row: int) -> float:
    """Every word of the question counts by the root of its idf; a stop word, of which there are none, would by .5."""
    encoded = index.encoder.encode_query(question)
    signs = np.where(np.unpackbits(index.token_signs(row), axis=1) > 0, 1, -1) / 8  # 64 numbers
    weights = [math.sqrt(index.idf(stem)) for stem in stems(question)]
    return float(np.round(np.average((encoded.tokens[1:] @ signs.T).max(axis=1), weights=weights), 5))


SHELF = [f"{number:02}.md" for number in range(40)]


@pytest.mark.parametrize("compared", [10_000, 0])  # up to so many without FAISS
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    only=st.frozensets(st.sampled_from(SHELF), min_size=1),
    words=st.lists(st.sampled_from([*WORDS, "zeppelin"]), min_size=1, max_size=5),
    depth=st.sampled_from([3, 100]),
)
def test_a_search_of_chosen_documents_is_numpys_over_their_passages(
    shelf: PassageIndex,
    monkeypatch: pytest.MonkeyPatch,
    compared: int,
    only: frozenset[str],
    words: list[str],
    depth: int,
) -> None:
    monkeypatch.setattr(index_module, "CHOSEN_UP_TO", compared)
    monkeypatch.setattr(index_module, "COMPARED", 1_000)
    question = " ".join(words)
    pool = shelf.pool(question, depth, only)
    assert {shelf.doc_id(row) for row in pool.rows.tolist()} <= only
    if compared or depth == 100:  # FAISS returns equal scores in no fixed order
        hits = shelf.hits(pool, 1_000)
        expected = expected_scores(shelf, question, only, depth)
        assert {hit.row: hit.score for hit in hits} == pytest.approx(expected, abs=1e-4)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_one_small_document_gives_its_passages_where_all_others_are_nearer(shelf: PassageIndex) -> None:
    smallest = min(SHELF, key=lambda doc_id: len(shelf.rows_of(frozenset({doc_id}))))
    count = len(shelf.rows_of(frozenset({smallest})))
    text = " ".join(shelf.passage(int(shelf.rows_of(frozenset({other}))[0]))[1] for other in SHELF[:3])
    for method in ("dense", "ours"):
        hits = shelf.search(text, 50, method, frozenset({smallest}))
        assert {hit.passage.doc_id for hit in hits} == {smallest}
        assert len(hits) == count


@pytest.mark.parametrize("method", ["dense", "bm25", "rrf", "ours"])
def test_no_filter_and_all_documents_find_the_same(shelf: PassageIndex, method: str) -> None:
    hits = shelf.search("a bridge on the river", 20, method)
    assert shelf.search("a bridge on the river", 20, method, frozenset()) == hits
    assert shelf.search("a bridge on the river", 20, method, frozenset(SHELF)) == hits


@pytest.mark.parametrize("share", [2, 5, 50])
def test_a_probing_index_looks_for_the_nearest_among_the_chosen(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, share: int
) -> None:
    place, encoder = tmp_path_factory.mktemp("probing"), WordVectors()
    monkeypatch.setattr(index_module, "EXACT_UP_TO", 1000)
    build_index(corpus_of_words(place / "corpus", 1500), place / "index", encoder)
    index = PassageIndex.open(place / "index", encoder)
    assert index.manifest["faiss"] == "IVF128,SQ8"
    within = np.arange(0, 1500, share)
    only = frozenset(index.doc_id(row) for row in within.tolist())
    assert index.rows_of(only).tolist() == within.tolist()
    kept = []
    for row in range(0, 1500, 60):
        vector = encoder.encode_queries([" ".join(index.passage(row)[1].split()[:5])])[0]
        exact = index.nearest(vector, 10, within)
        assert exact.tolist() == within[np.argsort(-(index._passages[within] @ vector))[:10]].tolist()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(index_module, "CHOSEN_UP_TO", 0)
            probed = index.nearest(vector, 10, within)
        assert set(probed.tolist()) <= set(within.tolist())
        kept.append(np.isin(exact, probed).mean())
    assert np.mean(kept) >= 0.98


def test_document_frequency_among_chosen_passages_is_counted(shelf: PassageIndex) -> None:
    within = shelf.rows_of(frozenset(SHELF[:2]))
    texts = [" ".join(filter(None, (p.section, text))) for p, text, *_ in map(shelf.passage, within.tolist())]
    assert shelf.document_frequency("oak", within) == sum("oak" in text for text in texts)
    assert shelf.document_frequency("oak") > shelf.document_frequency("oak", within)


# Answers ------------------------------------------------------------------------------------


@pytest.fixture
def collection(built: tuple[Path, Path]) -> Collection:
    corpus, index = built
    return Collection("ships", corpus, index, Chatbot(index, HashEncoder(), None, parameters()))


def rebuild(collection: Collection, removed: str) -> None:
    (collection.corpus / removed).unlink()
    build_index(collection.corpus, collection.index, HashEncoder())


def test_an_answer_quotes_the_chosen_documents_alone_and_says_which(collection: Collection) -> None:
    only = frozenset({"trees.md", "rivers.txt"})
    answer = collection.chatbot.answer(QUESTION, only=only)
    assert {hit.passage.doc_id for hit in answer.hits} == only
    assert {citation.doc_id for citation in answer.citations} <= only
    assert answer.to_json()["only"] == ["rivers.txt", "trees.md"]
    everywhere = collection.chatbot.answer(QUESTION)
    assert everywhere.citations[0].doc_id == "ships.md"
    assert "only" not in everywhere.to_json()
    assert "only" not in collection.chatbot.answer(QUESTION, only=frozenset()).to_json()


def test_what_was_searched_in_vain_is_counted_among_the_chosen(built: tuple[Path, Path]) -> None:
    bot = Chatbot(built[1], HashEncoder(), None, parameters(answered=1.0, closest=1.0))
    missing = bot.answer("How long is the oak Missouri?", only=frozenset({"ships.md"})).not_found
    assert missing is not None
    assert (missing.documents, missing.passages) == (1, 2)
    assert missing.missing_terms == ("oak",)  # another document has it
    everywhere = bot.answer("How long is the oak Missouri?").not_found
    assert everywhere is not None
    assert (everywhere.documents, everywhere.passages, everywhere.missing_terms) == (3, 4, ())


def test_a_document_without_passages_answers_nothing(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    lines = [{"_id": "empty", "title": "Empty", "text": ""}, {"_id": "oaks", "text": "Oaks grow slowly."}]
    (corpus / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    build_index(corpus, tmp_path / "index", HashEncoder())
    bot = Chatbot(tmp_path / "index", HashEncoder(), None, parameters())
    answer = bot.answer("How do oaks grow?", only=frozenset({"empty"}))
    assert (answer.status, answer.hits) == ("not_found", ())
    assert answer.not_found is not None
    assert (answer.not_found.documents, answer.not_found.passages) == (1, 0)


@pytest.mark.parametrize(
    ("only", "told"),
    [
        (["ships.md", "gone.md", "<b>"], r"no document '<b>', 'gone.md' in the index"),
        ([f"{number}.md" for number in range(9)], r"'0.md', '1.md', '2.md', '3.md', '4.md', … in"),
        (["ships.md\0", "\ud800"], r"no document 'ships.md\\x00', '\\ud800' in the index"),
        (
            [str(number) for number in range(MOST_CHOSEN + 1)],
            "1,001 documents are chosen; choose at most 1,000",
        ),
    ],
)
@pytest.mark.parametrize("question", [QUESTION, "Thank you!"])
def test_documents_that_are_not_there_are_named(
    collection: Collection, question: str, only: Sequence[str], told: str
) -> None:
    with pytest.raises(QuestionError, match=told):
        collection.chatbot.answer(question, only=frozenset(only))


def test_a_follow_up_is_answered_from_the_chosen_documents(collection: Collection) -> None:
    answer = collection.chatbot.answer("How long is she?", [QUESTION], only=frozenset({"trees.md"}))
    assert answer.standalone_question != answer.question
    assert {hit.passage.doc_id for hit in answer.hits} == {"trees.md"}


# Receipts -----------------------------------------------------------------------------------


def test_a_receipt_keeps_the_choice_and_is_asked_again_with_it(collection: Collection) -> None:
    answer = collection.chatbot.answer(QUESTION, only=frozenset({"trees.md", "rivers.txt"}))
    written = json.loads(json.dumps(make_receipt(answer).to_json()))
    receipt = parse_receipt(written)
    assert receipt.answer.only == ("rivers.txt", "trees.md")
    again = replay(receipt, collection.chatbot)
    assert again.same
    assert again.now.only == answer.only
    assert "looked only in: rivers.txt, trees.md" in str(again)
    del written["only"]  # as older ones are
    assert parse_receipt(written).answer.only == ()


def test_asking_again_takes_those_that_are_still_there(collection: Collection) -> None:
    receipt = make_receipt(collection.chatbot.answer(QUESTION, only=frozenset({"trees.md", "rivers.txt"})))
    rebuild(collection, "rivers.txt")
    again = replay(receipt, collection.chatbot)
    assert again.now.only == ("trees.md",)
    assert "no longer there: rivers.txt" in str(again)
    alone = make_receipt(collection.chatbot.answer(QUESTION, only=frozenset({"trees.md"})))
    rebuild(collection, "trees.md")
    with pytest.raises(ReceiptError, match="none of the documents"):
        replay(alone, collection.chatbot)


@pytest.mark.parametrize("only", ["trees.md", [1], {}, None, ["x"] * 1_001])
def test_a_receipt_with_a_damaged_choice_is_refused(collection: Collection, only: Any) -> None:
    receipt = make_receipt(collection.chatbot.answer(QUESTION)).to_json()
    with pytest.raises(ReceiptError, match='"only" is'):
        parse_receipt({**receipt, "only": only})


# Commands -----------------------------------------------------------------------------------


@pytest.fixture
def run(collection: Collection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr(commands, "_open", lambda options: collection.chatbot)

    def run_it(*arguments: str) -> tuple[int, str, str]:
        code = commands.main(list(arguments))
        return code, *capsys.readouterr()

    return run_it


def test_ask_takes_documents(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run("ask", QUESTION, "--only", "trees.md", "--only", "rivers.txt", "--json")
    assert (code, json.loads(out)["only"]) == (0, ["rivers.txt", "trees.md"])
    assert "Looked only in: trees.md" in run("ask", QUESTION, "--only", "trees.md")[1]
    assert "Looked only in" not in run("ask", QUESTION)[1]
    code, _, told = run("ask", QUESTION, "--only", "gone.md")
    assert code == 2
    assert told.startswith("chatbot: no document 'gone.md' in the index")
    monkeypatch.setattr("sys.stdin", [json.dumps({"question": QUESTION})])
    assert json.loads(run("ask", "--batch", "--only", "trees.md")[1])["only"] == ["trees.md"]
