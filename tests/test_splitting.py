"""Splitting against splitting: the measures by hand, fixed passages, and a run from end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from conftest import HashEncoder
from hypothesis import given
from hypothesis import strategies as st

from chatbot.corpus import Evidence, read_document

MakeCorpus = Callable[..., Path]

PAPER = (
    "The river rises in the hills. It is cold there.\n\n"
    + " ".join(f"Mile {number} has a bridge of stone." for number in range(90))
    + "\n\nThe delta is wide. Ducks winter in the delta."
)
SHIP = "The ship is grey. She has nine guns.\n\n" + " ".join(
    f"Deck {number} is painted red." for number in range(90)
)


@pytest.fixture(scope="module")
def splitting() -> ModuleType:
    return import_module("evaluate_splitting")


def measured(
    splitting: ModuleType, gold: list[tuple[int, int]], shown: list[tuple[int, int]]
) -> dict[str, float]:
    texts = {"d": "ten letter" * 1000}  # white space at 3, 13, 23 …
    values = splitting.measure(
        [Evidence("d", *span) for span in gold], [Evidence("d", *span) for span in shown], texts
    )
    return dict(zip([*splitting.MEASURES, "characters"], values, strict=True))


def test_recall_precision_and_iou_by_hand(splitting: ModuleType) -> None:
    # excerpts 10–30 and 100–140; shown 0–20, 15–45 (over the first twice at 15–20) and 120–130
    figures = measured(splitting, [(10, 30), (100, 140)], [(0, 20), (15, 45), (120, 130)])
    assert figures["touched"] == 1
    assert figures["whole"] == 1 / 2
    assert figures["recall"] == 30 / 60  # 20 of 20 and 10 of 40
    assert figures["precision"] == 30 / 60  # shown are 20 + 30 + 10
    assert figures["IoU"] == 30 / 90  # 60 shown, 30 missing
    assert figures["characters"] == 60


def test_only_the_first_five_passages_count_and_other_documents_hold_nothing(splitting: ModuleType) -> None:
    far = [(1000 + 10 * number, 1010 + 10 * number) for number in range(5)]
    figures = measured(splitting, [(10, 30)], [*far, (0, 50)])
    assert {name: figures[name] for name in ("touched", "whole", "recall", "precision", "IoU")} == {
        "touched": 0, "whole": 0, "recall": 0, "precision": 0, "IoU": 0,
    }  # fmt: skip
    assert figures["recall@4000"] == 1  # 50 + 50 characters
    other = splitting.measure([Evidence("d", 0, 10)], [Evidence("e", 0, 10)], {"d": "ten letter"})
    assert other[:6] == [0, 0, 0, 0, 0, 0]


def test_nothing_found_scores_0(splitting: ModuleType) -> None:
    assert set(measured(splitting, [(10, 30)], []).values()) == {0}


def test_white_space_between_two_passages_leaves_an_excerpt_whole(splitting: ModuleType) -> None:
    assert measured(splitting, [(10, 30)], [(10, 23), (24, 30)])["whole"] == 1
    assert measured(splitting, [(10, 30)], [(10, 24), (25, 30)])["whole"] == 0
    assert measured(splitting, [(10, 30)], [(10, 23), (24, 30)])["recall"] == 19 / 20


def test_a_budget_of_characters_cuts_the_last_passage(splitting: ModuleType) -> None:
    # 3,000 and 1,000 of 3,000: of the excerpt at 4,500–5,500, half
    figures = measured(splitting, [(4500, 5500)], [(0, 3000), (4000, 7000)])
    assert (figures["recall"], figures["recall@4000"]) == (1, 1 / 2)
    pieces = [Evidence("d", 0, 3), Evidence("d", 5, 9), Evidence("e", 0, 9)]
    assert splitting.take(pieces, 5) == [Evidence("d", 0, 3), Evidence("d", 5, 7)]


def test_fixed_passages_by_hand(splitting: ModuleType) -> None:
    words = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    assert list(splitting.cut(words, [1] * 5, 2)) == [(0, 3), (4, 7), (8, 9)]
    assert list(splitting.cut(words, [1] * 5, 4, 2)) == [(0, 7), (4, 9)]
    assert list(splitting.cut(words, [1, 2, 9, 1, 1], 3)) == [(0, 3), (4, 5), (6, 9)]  # 9 is alone
    assert list(splitting.cut(words, [1, 1, 1, 9, 1], 4, 2)) == [
        (0, 5),
        (6, 7),
        (8, 9),
    ]  # nothing but what was shared
    assert list(splitting.cut([], [], 3)) == []


@given(sizes=st.lists(st.integers(0, 9), max_size=40), most=st.integers(1, 20), shared=st.integers(0, 20))
def test_fixed_passages_keep_every_word_and_their_length(
    splitting: ModuleType, sizes: list[int], most: int, shared: int
) -> None:
    words = [(number, number + 1) for number in range(len(sizes))]
    spans = list(splitting.cut(words, sizes, most, shared))
    assert {at for start, end in spans for at in range(start, end)} == set(range(len(sizes)))
    assert all(sum(sizes[start:end]) <= most or end == start + 1 for start, end in spans)
    for (start, end), (following, last) in pairwise(spans):
        assert start < following <= end < last
        assert sum(sizes[following:end]) <= shared


def test_a_fixed_passage_has_the_sentences_that_it_cuts(splitting: ModuleType, encoder: HashEncoder) -> None:
    document = read_document("One two three. Four five.\n\nSix seven eight.", "a.txt")
    passages = splitting.split_fixed(document, encoder, 4, unit="words")
    text = document.text
    assert [[text[a:b] for a, b in passage.sentences] for passage in passages] == [
        ["One two three.", "Four"],
        ["five.", "Six seven eight."],
    ]


@pytest.fixture
def corpus(make_corpus: MakeCorpus) -> Path:
    """Two documents and three questions with evidence, one without."""
    asked = {
        "ducks": ("Where do ducks winter?", "Ducks winter in the delta."),
        "bridge": ("Which mile has a bridge of stone, 45?", "Mile 45 has a bridge of stone."),
        "rises": ("Where does the river rise?", "The river rises in the hills."),
    }
    queries = [
        {
            "_id": name,
            "text": text,
            "metadata": {
                "evidence": [{"doc": "p", "start": PAPER.index(gold), "end": PAPER.index(gold) + len(gold)}]
            },
        }
        for name, (text, gold) in asked.items()
    ]
    queries.append({"_id": "none", "text": "What colour is the ship?", "metadata": {}})
    documents = [{"_id": "p", "title": "Paper", "text": PAPER}, {"_id": "s", "title": "Ship", "text": SHIP}]
    return make_corpus(
        {
            "corpus.jsonl": "".join(json.dumps(document) + "\n" for document in documents),
            "queries.jsonl": "".join(json.dumps(query) + "\n" for query in queries),
            "qrels/test.tsv": "query-id\tcorpus-id\tscore\n"
            + "".join(f"{query['_id']}\tp\t1\n" for query in queries),
        }
    )


def test_the_script_from_end_to_end(
    splitting: ModuleType,
    corpus: Path,
    encoder: HashEncoder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(splitting, "load_encoder", lambda _model: encoder)
    assert splitting.main([str(corpus), "--json", "--pieces", "50"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert err == ""
    assert (report["corpus"], report["n"]) == ("corpus", 3)
    assert list(report["searches"]) == ["ours", "dense"]
    names = ["ours", "ours, 50 pieces", "200 words", "400 pieces", "400 pieces, 200 shared"]
    assert list(report["passages"]) == names
    # 11 + 90 × 7 + 9 and 8 + 90 × 5 words; each sentence has a full stop, which is a piece of its own
    assert report["passages"]["200 words"] == 4 + 3
    assert report["passages"]["400 pieces"] == 2 + 2
    assert report["passages"]["400 pieces, 200 shared"] == 3 + 2
    assert report["passages"]["ours, 50 pieces"] > 2 * report["passages"]["ours"]
    for rows in report["searches"].values():
        assert all(rows[name]["whole"]["mean"] <= rows[name]["touched"]["mean"] for name in names)
        assert rows["ours, 50 pieces"]["precision"]["mean"] > rows["400 pieces"]["precision"]["mean"]
        difference = rows["200 words"]["difference"]["IoU"]
        assert difference["mean"] == pytest.approx(
            rows["ours"]["IoU"]["mean"] - rows["200 words"]["IoU"]["mean"]
        )
        assert rows["ours"]["difference"] == {}

    assert splitting.main([str(corpus), "--limit", "1"]) == 0
    assert capsys.readouterr().out.startswith("corpus: n = 1 questions")


def test_what_cannot_be_measured_is_said(
    splitting: ModuleType, make_corpus: MakeCorpus, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = {"_id": "q", "text": "Who?", "metadata": {"evidence": [{"doc": "p", "start": 5, "end": 5}]}}
    make_corpus(
        {"queries.jsonl": json.dumps(query), "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq\tp\t1\n"}
    )
    assert splitting.main([str(corpus)]) == 2
    assert "evidence of query 'q' is no text of a document: 'p', 5 to 5" in capsys.readouterr().err
    make_corpus({"queries.jsonl": json.dumps({"_id": "q", "text": "Who?"})})
    assert splitting.main([str(corpus)]) == 2
    assert "no question of" in capsys.readouterr().err
    assert splitting.main([str(corpus / "nowhere")]) == 2
    assert "no corpus folder" in capsys.readouterr().err
