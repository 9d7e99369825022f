"""The passage index against oracles, by hand, and through everything that can go wrong with its folder."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FILES, ROOT, HashEncoder
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chatbot.index as index_module
from chatbot.corpus import READING, SPLITTING, Document, UnreadFile, left_out_files, split_document
from chatbot.encoder import Vectors, unit_rows
from chatbot.errors import (
    CorpusError,
    CorpusMissing,
    IndexBroken,
    IndexBusy,
    IndexMismatch,
    IndexMissing,
    IndexReadOnly,
)
from chatbot.index import (
    FORMAT,
    PassageIndex,
    Pool,
    Question,
    build_index,
    current_generation,
    read_manifest,
    stale,
)
from chatbot.terms import stems

MakeCorpus = Callable[..., Path]

WORDS = [
    "amur",
    "river",
    "border",
    "oak",
    "ship",
    "fleet",
    "army",
    "bay",
    "rail",
    "coal",
    "rice",
    "tide",
    "harbour",
    "bridge",
    "fort",
    "snow",
]


class WordVectors(HashEncoder):
    """Each word has a vector of its own, so that different texts hardly ever score the same."""

    def _encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                rows[row] += np.random.default_rng(list(word.encode())).normal(size=self.dim)
        return unit_rows(rows)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> PassageIndex:
    """300 passages of 3 to 24 words drawn from WORDS."""
    dice = random.Random(7)
    place = tmp_path_factory.mktemp("large")
    lines = [
        json.dumps({"_id": str(i), "text": " ".join(dice.choices(WORDS, k=dice.randint(3, 24))) + "."})
        for i in range(300)
    ]
    corpus = place / "corpus"
    corpus.mkdir()
    (corpus / "corpus.jsonl").write_text("\n".join(lines))
    encoder = WordVectors()
    build_index(corpus, place / "index", encoder)
    return PassageIndex.open(place / "index", encoder)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of the last change and content of every file."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def generations(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()}


def tokens_of(index: PassageIndex) -> list[list[str]]:
    """What BM25 sees of each passage: title and headings, then the text."""
    found = []
    for row in range(len(index)):
        passage, text, title, _ = index.passage(row)
        found.append(stems(f"{title} {passage.section}") + stems(text))
    return found


def bm25(documents: list[list[str]], query: list[str]) -> list[float]:
    """Lucene's BM25 (no factor k1 + 1), k1 = 0.9, b = 0.75; a repeated query word counts twice."""
    mean = sum(map(len, documents)) / len(documents)
    scores = [0.0] * len(documents)
    for word in query:
        frequency = sum(word in document for document in documents)
        weight = math.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))
        for i, document in enumerate(documents):
            count = document.count(word)
            scores[i] += weight * count / (count + 0.9 * (0.25 + 0.75 * len(document) / mean))
    return scores


# Searching ----------------------------------------------------------------------------------


@pytest.mark.parametrize("question", ["river and border", "snow on the bridge", "the coal fleet", "zeppelin"])
def test_dense_search_is_the_argsort_of_the_cosines(large: PassageIndex, question: str) -> None:
    query = large.encoder.encode_queries([question])[0]
    vectors = large.encoder.encode_passages([large.passage(row)[1] for row in range(len(large))])
    cosines = vectors @ query
    hits = large.search(question, 20, "dense")
    assert [hit.row for hit in hits] == np.argsort(-cosines, kind="stable")[:20].tolist()
    assert [hit.score for hit in hits] == pytest.approx(np.sort(cosines)[::-1][:20], abs=1e-5)


@pytest.mark.parametrize(
    "question", ["river", "The army crossed a bridge!", "coal, coal and coal", "snow zeppelin"]
)
def test_bm25_is_that_of_an_independent_implementation(large: PassageIndex, question: str) -> None:
    expected = bm25(tokens_of(large), stems(question))
    assert large.lexical_scores(stems(question)) == pytest.approx(expected, abs=1e-4)
    assert [hit.score for hit in large.search(question, 20, "bm25")] == pytest.approx(
        sorted(expected, reverse=True)[:20], abs=1e-4
    )


def test_titles_and_headings_count_as_words_of_their_passage(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    index = PassageIndex.open(built[1], encoder)
    assert index.lexical_scores(["size"]) == pytest.approx(bm25(tokens_of(index), ["size"]), abs=1e-5)
    (hit,) = index.search("size", 5, "bm25")
    assert (hit.passage.section, hit.text) == ("Size", "The Missouri is 270 metres long.")


def test_words_that_the_corpus_does_not_have_find_nothing_by_bm25(large: PassageIndex) -> None:
    assert large.search("zeppelin", 5, "bm25") == []
    assert len(large.search("zeppelin", 5, "ours")) == 5


def test_document_frequency_counts_passages(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    index = PassageIndex.open(built[1], encoder)
    assert [index.document_frequency(stem) for stem in ("missouri", "amur", "zeppelin")] == [2, 1, 0]


@pytest.mark.parametrize("depth", [1, 5, 40])
def test_the_pool_is_the_union_of_both_searches(large: PassageIndex, depth: int) -> None:
    question = "rice at the harbour"
    pool = large.pool(question, depth)
    dense = {hit.row for hit in large.search(question, depth, "dense")}
    words = {hit.row for hit in large.search(question, depth, "bm25")}
    assert pool.rows.tolist() == sorted(dense | words)
    assert set(pool.rows[pool.in_dense]) == dense
    assert set(pool.rows[pool.in_lexical]) == words


def test_the_sentence_score_is_the_best_cosine_among_the_sentences(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    index = PassageIndex.open(built[1], encoder)
    question = "She lay in Tokyo Bay"
    query = encoder.encode_queries([question])[0]
    pool = index.pool(question)
    for row, score in zip(pool.rows.tolist(), pool.sentence, strict=True):
        passage, text, _, _ = index.passage(row)
        sentences = [text[a - passage.start : b - passage.start] for a, b in passage.sentences]
        assert score == pytest.approx(max(encoder.encode_passages(sentences) @ query), abs=2e-3)  # float16
    best = index.search(question, 1)[0]
    assert best.why["sentence"] == pytest.approx(1, abs=2e-3)  # the sentence itself


def test_fusion_by_hand() -> None:
    pool = Pool(
        np.arange(3),
        np.array([0.9, 0.5, 0.1], np.float32),
        np.array([0.2, 0.6, 0.2], np.float32),
        np.array([0.0, 4.0, 8.0], np.float32),
        np.array([True, True, False]),
        np.array([False, True, True]),
        16.0,
        np.array([0, 1]),
        np.array([0.3, 0.6], np.float32),
        np.array([[1, 0.5], [0.5, 1]], np.float32),
    )
    # meaning, the mean of passage and best view: .9, .55, .15, a third; words 0, 1/4, 1/2, a sixth; tokens, a half
    first, second, third = 0.3 + 0.15, 0.55 / 3 + 1 / 24 + 0.3, 0.05 + 1 / 12
    # the first two are alike (cosine .5) and draw each other: .5 · .25 · their difference, shared out among five
    drawn = 0.1 * 0.25 * (second - first)
    assert pool.scores("ours") == pytest.approx([first + drawn, second - drawn, third])
    # k = 60, ranks from 1: dense 1, 2, –; lexical –, 2, 1
    assert pool.scores("rrf") == pytest.approx([1 / 61, 1 / 62 + 1 / 62, 1 / 61])
    assert pool.scores("dense") == pytest.approx([0.9, 0.5, -np.inf])
    assert pool.scores("bm25") == pytest.approx([-np.inf, 4, 8])
    with pytest.raises(ValueError, match="dense, bm25, rrf, ours"):
        pool.scores("bm52")


def test_only_the_five_most_similar_draw_a_score() -> None:
    cosines = np.full((8, 8), 0.4, np.float32)
    cosines[0] = cosines[:, 0] = [1, 0.1, 0.2, 0.3, 0.9, 0.8, 0.7, 0.6]
    tokens = np.array([0.5, 0, 0, 0, 0.9, 0.9, 0.9, 0.1], np.float32)
    none, found = np.zeros(8, np.float32), np.ones(8, bool)
    pool = Pool(np.arange(8), none, none, none, found, found, 0.0, np.arange(8), tokens, cosines)
    # of the first: three with .9, one with .1, and the nearer of those with 0; tokens count a half
    nearest = 0.4 * (0.81 + 0.64 + 0.49) - 0.4 * 0.36 - 0.5 * 0.09
    assert pool.similar[0] == pytest.approx(0.1 * 0.5 * nearest)


def test_a_lone_candidate_is_drawn_by_none() -> None:
    one, found = np.ones(1, np.float32), np.ones(1, bool)
    pool = Pool(
        np.arange(1), one, one, one, found, found, 2.0, np.arange(1), one, np.ones((1, 1), np.float32)
    )
    assert pool.scores("ours") == pytest.approx([1 / 3 + 1 / 12 + 1 / 2])


def test_what_words_could_score_at_most_counts_unknown_ones(large: PassageIndex) -> None:
    question = stems("river river zeppelin")
    known, unknown = large.idf(question[0]), large.idf("zeppelin")
    assert large.most_lexical(question) == pytest.approx(2 * known + unknown)
    assert large.idf("zeppelin") == pytest.approx(math.log(1 + (len(large) + 0.5) / 0.5))
    assert max(large.lexical_scores(question)) < 2 * known


def test_token_cosines_are_those_of_numpy(large: PassageIndex, encoder: HashEncoder) -> None:
    question = "The coal fleet crossed a bridge"
    encoded = encoder.encode_query(question)
    weights = []
    for start, end in encoded.spans:  # the special token, stop words, content words
        word = stems(question[start:end])
        weights.append(0.0 if start == end else math.sqrt(large.idf(word[0])) if word else 0.5)
    pool = large.pool(question)
    assert len(pool.compared) == min(100, len(pool.rows))
    for place, found in zip(pool.compared.tolist()[:20], pool.token_cosines.tolist(), strict=False):
        _, text, title, _ = large.passage(int(pool.rows[place]))
        (signs,) = encoder.encode_with_tokens([f"{title}. {text}" if title else text])[1]
        tokens = np.where(np.unpackbits(signs, axis=1) > 0, 1, -1) / 8  # 64 numbers of ±1/8: unit length
        nearest = (encoded.tokens @ tokens.T).max(axis=1)
        assert found == pytest.approx(np.average(nearest, weights=weights), abs=1e-4)


def test_words_that_a_passage_has_are_at_cosine_1(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    index = PassageIndex.open(built[1], encoder)
    best = index.search("She lay in Tokyo Bay", 1)[0]
    assert best.why["tokens"] == pytest.approx(1, abs=1e-4)


def test_the_tokens_of_a_sentence_are_its_own_and_those_above(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    index = PassageIndex.open(built[1], encoder)
    question = "Missouri Tokyo Bay"  # content words all
    hit = next(hit for hit in index.search(question) if "Tokyo Bay" in hit.text)
    encoded = encoder.encode_query(question)
    (found,) = index.sentence_tokens([hit], encoded, question)
    weights = np.sqrt([index.idf(word) for word in stems(question)])
    above = f"{hit.title} {hit.passage.section}"
    assert len(found) == len(hit.passage.sentences) > 1
    for (start, end), cosine in zip(hit.passage.sentences, found.tolist(), strict=True):
        text = hit.text[start - hit.passage.start : end - hit.passage.start]
        tokens = np.where(encoder._tokens(f"{above} {text}")[0] > 0, 1, -1) / 8
        nearest = (encoded.tokens[1:] @ tokens.T).max(axis=1)
        assert cosine == pytest.approx(np.average(nearest, weights=weights), abs=1e-4)


def test_an_encoder_without_tokens_searches_by_the_other_parts(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    class Whole(HashEncoder):
        def _tokens(self, text: str) -> Any:
            return np.empty((0, 0), np.float32), ()

    build_index(built[0], tmp_path / "whole", Whole())
    index = PassageIndex.open(tmp_path / "whole", Whole())
    assert index.manifest["token_bytes"] == 0
    hit = index.search("She lay in Tokyo Bay", 1)[0]
    (found,) = index.sentence_tokens([hit], Whole().encode_query("Tokyo Bay"), "Tokyo Bay")
    assert len(found) == len(hit.passage.sentences)
    assert not found.any()
    best = index.search("She lay in Tokyo Bay", 1)[0]
    assert best.text.startswith("The Missouri") or "Tokyo Bay" in best.text
    assert best.why["tokens"] == 0


def test_only_the_best_candidates_have_their_tokens_compared(
    large: PassageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatbot.index.COMPARED", 7)
    pool = large.pool("rice at the harbour")
    first = pool.scores("ours") - 0.5 * pool.tokens - pool.similar
    assert sorted(np.argsort(-first, kind="stable")[:7].tolist()) == pool.compared.tolist()
    assert np.count_nonzero(pool.tokens) == 7


@pytest.mark.parametrize("copies", [2, 7, 13, 99, 250])
@pytest.mark.parametrize("method", ["dense", "bm25", "rrf", "ours"])
def test_equal_scores_keep_corpus_order(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder, copies: int, method: str
) -> None:
    texts = ["A fort stood there.", *["The Amur is a long river with a border."] * copies, "Snow fell."]
    lines = "\n".join(json.dumps({"_id": str(i), "text": text}) for i, text in enumerate(texts))
    build_index(make_corpus({"a.jsonl": lines}), tmp_path / "index", encoder)
    hits = PassageIndex.open(tmp_path / "index", encoder).search("the Amur river", copies, method)
    shown = [hit.row for hit in hits if "Amur" in hit.text]
    assert shown[:100] == list(range(1, 1 + len(shown[:100])))
    assert len(shown) >= min(copies, 100)


def test_hits_are_ranked_from_1_and_slices_of_their_document(large: PassageIndex) -> None:
    for method in ("dense", "bm25", "rrf", "ours"):
        hits = large.search("a river with a bridge", 30, method)
        assert [hit.rank for hit in hits] == list(range(1, 31))
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        for hit in hits:
            text = large.document(hit.passage.doc_id).text
            assert text[hit.passage.start : hit.passage.end] == hit.text
            assert set(hit.why) == {"dense", "sentence", "lexical", "tokens", "similar"}


def test_a_small_index_gives_fewer_hits_than_asked(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    assert len(PassageIndex.open(built[1], encoder).search("river", 50)) == 4


def test_a_vector_of_another_width_is_an_error(large: PassageIndex) -> None:
    with pytest.raises(ValueError, match=r"64 numbers.*\(3,\)"):
        large.nearest(np.ones(3, np.float32), 5)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet="aB é.?\nж中", min_size=1, max_size=60), min_size=1, max_size=6))
def test_search_is_the_same_after_opening_again(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    place = tmp_path_factory.mktemp("again")
    (place / "corpus").mkdir()
    for number, text in enumerate(["A river.", *texts]):
        (place / "corpus" / f"{number}.txt").write_text(text)
    encoder = HashEncoder()
    build_index(place / "corpus", place / "index", encoder)
    once, again = (PassageIndex.open(place / "index", encoder) for _ in range(2))
    for method in ("dense", "bm25", "rrf", "ours"):
        assert once.search("a river ж", 10, method) == again.search("a river ж", 10, method)
    build_index(place / "corpus", place / "index", encoder, force=True)
    anew = PassageIndex.open(place / "index", encoder)
    assert anew.generation != once.generation
    assert anew.search("a river ж", 10) == once.search("a river ж", 10)


# Size ---------------------------------------------------------------------------------------


def corpus_of_words(corpus: Path, count: int) -> Path:
    """A passage a line, of 8 to 24 words drawn from 2,000 that are made of syllables."""
    dice = random.Random(11)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    words = ["".join(dice.choices(syllables, k=3)) for _ in range(2000)]
    lines = [
        json.dumps({"_id": str(i), "text": " ".join(dice.choices(words, k=dice.randint(8, 24))) + "."})
        for i in range(count)
    ]
    corpus.mkdir()
    (corpus / "corpus.jsonl").write_text("\n".join(lines))
    return corpus


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[PassageIndex, PassageIndex]:
    """The same 1,500 passages in a FAISS index that compares them all, and in one that probes lists."""
    place = tmp_path_factory.mktemp("many")
    corpus, encoder = corpus_of_words(place / "corpus", 1500), WordVectors()
    build_index(corpus, place / "exact", encoder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "EXACT_UP_TO", 1000)
        build_index(corpus, place / "probing", encoder)
    return PassageIndex.open(place / "exact", encoder), PassageIndex.open(place / "probing", encoder)


def test_the_kind_of_faiss_index_follows_the_size_and_is_in_the_manifest(
    many: tuple[PassageIndex, PassageIndex],
) -> None:
    exact, probing = many
    assert exact.manifest["faiss"] == "Flat"
    assert "probes" not in exact.manifest
    told = probing.manifest
    assert told["faiss"] == "IVF128,SQ8"  # 4·√1500 = 155, and 128 is the nearest power of two
    assert 8 <= told["probes"] <= 128
    assert 1 <= told["threads"] <= (os.cpu_count() or 1)


def test_the_pool_of_a_probing_index_holds_the_nearest_with_exact_scores(
    many: tuple[PassageIndex, PassageIndex],
) -> None:
    exact, probing = many
    kept = []
    for row in range(0, 1500, 30):
        question = " ".join(exact.passage(row)[1].split()[:5])
        nearest = {hit.row: hit.why["dense"] for hit in exact.search(question, 10, "dense")}
        found = {hit.row: hit.why["dense"] for hit in probing.search(question, 100, "dense")}
        kept.append(len(nearest.keys() & found.keys()) / 10)
        assert all(found[found_row] == nearest[found_row] for found_row in nearest.keys() & found.keys())
    assert np.mean(kept) >= 0.98


def test_lexical_search_is_the_same_in_a_probing_index(many: tuple[PassageIndex, PassageIndex]) -> None:
    exact, probing = many
    question = exact.passage(700)[1]
    assert [hit.row for hit in probing.search(question, 20, "bm25")] == [
        hit.row for hit in exact.search(question, 20, "bm25")
    ]


@pytest.mark.parametrize("scored", [0, 60, 40_000])
@pytest.mark.parametrize("count", [1000, 51_200, 100_001])
def test_the_best_of_many_scores_are_those_of_a_full_sort(count: int, scored: int) -> None:
    dice = np.random.default_rng(5)
    scores = np.zeros(count, np.float32)
    scores[dice.integers(count, size=scored)] = dice.integers(1, 200, size=scored) / 8  # many are equal
    found = np.flatnonzero(scores)
    best = found[np.argsort(-scores[found], kind="stable")[:100]]
    assert index_module._best(scores, 100).tolist() == sorted(best.tolist())


def test_arrays_are_mapped_and_stay_readable_over_many_searches(large: PassageIndex) -> None:
    for array in (large._passages, large._sentences, large._offsets, large._bm25.scores["data"]):
        assert isinstance(array, np.memmap)
    first = large.search("a river with a bridge")
    assert all(large.search("a river with a bridge") == first for _ in range(50))


def test_an_unchanged_index_is_hashed_once_in_a_process(
    built: tuple[Path, Path], encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, folder = built
    generation = folder / current_generation(folder)
    files = {path for path in generation.rglob("*") if path.is_file()} - {generation / "manifest.json"}
    for path in files:
        os.utime(path, (1e9, 1e9))  # a file written a moment ago is always read again
    hashed: list[Path] = []
    file_hash = index_module.file_hash

    def counted(path: Path) -> str:
        hashed.append(path)
        return file_hash(path)

    monkeypatch.setattr(index_module, "file_hash", counted)
    build_index(corpus, folder, encoder)
    PassageIndex.open(folder, encoder)
    assert sorted(path for path in hashed if path in files) == sorted(files)
    victim = generation / "passage_vectors.npy"
    data = victim.read_bytes()
    victim.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(IndexBroken, match="passage_vectors"):
        PassageIndex.open(folder, encoder)


# Building -----------------------------------------------------------------------------------


def test_the_first_build_embeds_every_passage_and_sentence_once(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    stages: list[str] = []
    report = build_index(
        make_corpus(FILES),
        tmp_path / "index",
        encoder,
        progress=lambda stage, _done, _total: stages.append(stage),
    )
    assert (report.documents, report.passages) == (3, 4)
    assert (report.embedded, report.reused, report.removed) == (4, 0, 0)
    assert encoder.calls == 4 + 8
    assert list(dict.fromkeys(stages)) == ["reading", "embedding", "writing"]
    assert str(report).startswith("3 documents, 4 passages: 4 embedded, 0 reused, 0 removed in ")


def test_only_the_changed_document_is_embedded_again(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    corpus, folder = built
    encoder.calls = 0
    (corpus / "trees.md").write_text("# Trees\n\nBirches grow fast.\n")
    report = build_index(corpus, folder, encoder)
    assert (report.embedded, report.reused, report.removed) == (1, 3, 1)
    assert encoder.calls == 2  # the passage and its sentence
    index = PassageIndex.open(folder, encoder)
    assert index.search("birches")[0].text == "Birches grow fast."
    assert all("Oaks" not in hit.text for hit in index.search("oaks grow slowly"))
    fresh = folder.parent / "fresh"
    build_index(corpus, fresh, encoder)
    for name in ("passage_vectors.npy", "sentence_vectors.npy", "sentence_offsets.npy"):
        incremental = (folder / index.generation / name).read_bytes()
        assert incremental == (fresh / current_generation(fresh) / name).read_bytes()


def test_a_removed_document_is_gone(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    corpus, folder = built
    encoder.calls = 0
    (corpus / "rivers.txt").unlink()
    report = build_index(corpus, folder, encoder)
    assert (report.documents, report.embedded, report.reused, report.removed) == (2, 0, 3, 1)
    assert encoder.calls == 0
    index = PassageIndex.open(folder, encoder)
    with pytest.raises(KeyError):
        index.document("rivers.txt")
    assert index.document_frequency("amur") == 0
    assert "Amur" not in "".join(hit.text for hit in index.search("The Amur is a river", 10))


def test_a_renamed_document_with_the_same_title_keeps_its_vectors(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    corpus, folder = built
    (corpus / "trees.md").rename(corpus / "a-wood.md")
    report = build_index(corpus, folder, encoder)
    assert (report.embedded, report.reused) == (0, 4)
    assert PassageIndex.open(folder, encoder).search("oaks grow slowly")[0].passage.doc_id == "a-wood.md"


def test_only_what_changed_or_warned_is_split_again(
    built: tuple[Path, Path], encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, folder = built
    split: list[str] = []

    def counting(document: Document, *rest: Any) -> Any:
        split.append(document.doc_id)
        return split_document(document, *rest)

    monkeypatch.setattr("chatbot.index.split_document", counting)
    (corpus / "trees.md").write_text("# Trees\n\n" + "Birches grow " + "very " * 300 + "fast.\n")
    (warned,) = build_index(corpus, folder, encoder).warnings
    assert split == ["trees.md"]
    assert "trees.md: a sentence of" in warned
    (corpus / "rivers.txt").write_text("The Amur is a river.\n")
    assert build_index(corpus, folder, encoder).warnings == (warned,)
    assert split == ["trees.md", "rivers.txt", "trees.md"]


def test_nothing_is_written_when_nothing_changed(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    before, encoder.calls = contents(built[1]), 0
    report = build_index(*built, encoder)
    assert (report.documents, report.passages, report.embedded, report.reused) == (3, 4, 0, 4)
    assert report.generation == current_generation(built[1])
    assert encoder.calls == 0
    assert contents(built[1]) == before


def test_force_embeds_everything_anew(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    before, encoder.calls = current_generation(built[1]), 0
    report = build_index(*built, encoder, force=True)
    assert (report.embedded, report.reused, encoder.calls) == (4, 0, 12)
    assert current_generation(built[1]) == report.generation != before


def test_the_live_generation_and_the_one_before_are_kept(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    corpus, folder = built
    live = [current_generation(folder)]
    for number in range(3):
        (corpus / "new.txt").write_text(f"Version {number}.")
        live.append(build_index(corpus, folder, encoder).generation)
    assert generations(folder) == set(live[-2:])


def test_an_index_inside_the_corpus_is_not_indexed(make_corpus: MakeCorpus, encoder: HashEncoder) -> None:
    corpus = make_corpus(FILES)
    build_index(corpus, corpus / "index", encoder)
    assert stale(corpus, corpus / "index", encoder) == ""
    assert build_index(corpus, corpus / "index", encoder, force=True).documents == 3


def test_the_manifest_says_what_was_built(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    (built[0] / "empty.txt").write_text("")
    report = build_index(*built, encoder)
    manifest = read_manifest(built[1], report.generation)
    assert list(manifest) == [
        "format", "reading", "splitting", "encoder", "token_bytes", "faiss", "documents", "passages", "sentences", "corpus", "unread_files",
        "warnings", "files", "versions",
    ]  # fmt: skip
    assert manifest["format"] == FORMAT
    assert manifest["encoder"] == {"name": "hash", "sha256": "", "precision": "float32", "dim": 64}
    assert (manifest["documents"], manifest["passages"], manifest["sentences"]) == (3, 4, 8)
    assert set(manifest["corpus"]) == {*FILES, "empty.txt"}
    assert manifest["unread_files"] == [{"path": "empty.txt", "reason": "is empty"}]
    assert [item.path for item in report.unread] == ["empty.txt"]
    folder = built[1] / report.generation
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == on_disk - {"manifest.json"}
    assert {"faiss-cpu", "numpy", "bm25s"} <= set(manifest["versions"])


def test_a_file_whose_name_is_not_utf_8_is_listed_and_the_others_are_built(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    for name in (b"caf\xe9.txt", b".caf\xe9"):
        (built[0] / os.fsdecode(name)).write_text("Coffee.")
    assert stale(*built, encoder) == r"files of the corpus: 1 new (caf\udce9.txt)"
    report = build_index(*built, encoder)
    assert report.documents == 3
    assert report.unread == (UnreadFile(r"caf\udce9.txt", "has a name that is not UTF-8; rename it"),)
    assert set(read_manifest(built[1], report.generation)["corpus"]) == {*FILES, r"caf\udce9.txt"}
    assert left_out_files(built[0]) == {r".caf\udce9": "hidden"}
    assert stale(*built, encoder) == ""


def test_questions_of_the_dev_split_come_with_the_index(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    queries = [
        {"_id": "1", "text": "Where is the Amur?"},
        {"_id": "2", "text": "And its length?", "metadata": {"history": ["Where is the Amur?"]}},
        {"_id": "3", "text": "Who am I?", "metadata": {"answerable": False}},
        {"_id": "4", "text": "Of the test split?"},
    ]
    qrels = (
        "query-id\tcorpus-id\tscore\n1\trivers.txt\t1\n1\ttrees.md\t0\n2\trivers.txt\t1\n3\trivers.txt\t0\n"
    )
    corpus = make_corpus(
        {**FILES, "queries.jsonl": "\n".join(map(json.dumps, queries)), "qrels/dev.tsv": qrels}
    )
    build_index(corpus, tmp_path / "index", encoder)
    index = PassageIndex.open(tmp_path / "index", encoder)
    assert index.questions() == [Question("Where is the Amur?", ("rivers.txt",))]  # and none is made
    assert index.titles() == [("rivers.txt", "rivers"), ("ships.md", "Ships"), ("trees.md", "Trees")]
    assert index.sections("ships.md") == ["Size"]


def test_questions_are_made_where_none_of_a_person_can_be_shown(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    query, qrels = {"_id": "1", "text": "amur border"}, "query-id\tcorpus-id\tscore\n1\trivers.txt\t1\n"
    corpus = make_corpus({**FILES, "queries.jsonl": json.dumps(query), "qrels/dev.tsv": qrels})
    build_index(corpus, tmp_path / "index", encoder)
    first, *made = PassageIndex.open(tmp_path / "index", encoder).questions()
    assert first == Question("amur border", ("rivers.txt",))
    assert set(made) == {
        Question("What is the Amur?", ("rivers.txt",), ""),
        Question("What is known about “rivers”?", ("rivers.txt",), ""),
        Question("What is the Missouri?", ("ships.md",), ""),
        Question("What is known about “Ships”?", ("ships.md",), ""),
        Question("What does “Ships” say about “Size”?", ("ships.md",), "Size"),
        Question("What is known about “Trees”?", ("trees.md",), "Trees"),
    }


def test_made_questions_follow_the_documents(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    corpus, folder = built
    (corpus / "rivers.txt").unlink()
    (corpus / "trees.md").write_text("# Trees\n\nOaks grow slowly. An elm is a tree.\n")
    build_index(*built, encoder)
    made = PassageIndex.open(folder, encoder).questions()
    assert {question.documents for question in made} == {("ships.md",), ("trees.md",)}
    assert Question("What is an elm?", ("trees.md",), "Trees") in made


# Staleness ----------------------------------------------------------------------------------


def test_stale_says_why(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    corpus, folder = built
    assert stale(corpus, folder, encoder) == ""
    assert "no index in" in stale(corpus, folder.parent / "none", encoder)
    assert "another encoder" in stale(corpus, folder, HashEncoder("other"))
    path = folder / current_generation(folder) / "manifest.json"
    manifest = path.read_text("utf-8")
    path.write_text(json.dumps({**json.loads(manifest), "reading": READING - 1}), "utf-8")
    assert stale(corpus, folder, encoder) == "files are read otherwise than when the index was built"
    path.write_text(json.dumps({**json.loads(manifest), "splitting": SPLITTING - 1}), "utf-8")
    assert stale(corpus, folder, encoder) == "documents are split otherwise than when the index was built"
    path.write_text(manifest, "utf-8")
    (corpus / "new.txt").write_text("New.")
    assert stale(corpus, folder, encoder) == "files of the corpus: 1 new (new.txt)"
    (corpus / "rivers.txt").unlink()
    (corpus / "ships.md").write_text("Changed.")
    (corpus / "trees.md").write_text("Changed.")
    assert stale(corpus, folder, encoder) == (
        "files of the corpus: 1 new (new.txt), 1 gone (rivers.txt), 2 changed (ships.md, …)"
    )
    build_index(corpus, folder, encoder)
    assert stale(corpus, folder, encoder) == ""
    (corpus / "queries.jsonl").write_text("")
    assert "1 new (queries.jsonl)" in stale(corpus, folder, encoder)


def test_touching_a_file_does_not_make_the_index_stale(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    os.utime(built[0] / "trees.md", (0, 0))
    assert stale(*built, encoder) == ""


# What goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "told"), [(HashEncoder("other"), "'hash' ≠ 'other'"), (HashEncoder(dim=32), "dim 64 ≠ 32")]
)
def test_the_index_of_another_encoder_is_refused_with_the_remedy(
    built: tuple[Path, Path], other: HashEncoder, told: str
) -> None:
    with pytest.raises(IndexMismatch) as refused:
        PassageIndex.open(built[1], other)
    assert told in str(refused.value)
    assert "run scripts/rebuild_index.py" in str(refused.value)
    assert "--model hash" in str(refused.value)
    assert build_index(*built, other).embedded == 4
    assert PassageIndex.open(built[1], other).search("river")


NAMES = (
    "passages.faiss",
    "passages.sqlite",
    "passage_vectors.npy",
    "sentence_vectors.npy",
    "sentence_offsets.npy",
    "bm25/vocab.index.json",
    "manifest.json",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("harm", ["truncated", "changed", "removed"])
def test_a_damaged_file_is_named_and_built_anew(
    built: tuple[Path, Path], encoder: HashEncoder, name: str, harm: str
) -> None:
    path = built[1] / current_generation(built[1]) / name
    data = path.read_bytes()
    if harm == "removed":
        path.unlink()
    elif harm == "truncated":
        path.write_bytes(data[: len(data) // 2])
    else:  # of the same length
        path.write_bytes(data[:-20] + bytes(byte ^ 1 for byte in data[-20:]))
    with pytest.raises(IndexBroken, match=r"run scripts/rebuild_index\.py") as broken:
        PassageIndex.open(built[1], encoder)
    assert str(path) in str(broken.value)
    assert str(path) in stale(*built, encoder)
    build_index(*built, encoder)
    assert PassageIndex.open(built[1], encoder).search("oaks grow slowly")[0].passage.doc_id == "trees.md"


def test_an_index_of_another_format_is_refused(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    path = built[1] / current_generation(built[1]) / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": FORMAT - 1}))
    with pytest.raises(IndexBroken, match=f"format {FORMAT - 1}, this program reads {FORMAT}"):
        PassageIndex.open(built[1], encoder)


def test_a_pointer_to_nothing_is_told(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    (built[1] / "CURRENT").write_text("20000101-none\n")
    with pytest.raises(IndexBroken, match="20000101-none"):
        PassageIndex.open(built[1], encoder)
    build_index(*built, encoder)
    assert len(PassageIndex.open(built[1], encoder)) == 4


def test_a_missing_index_is_told_with_the_remedy(tmp_path: Path, encoder: HashEncoder) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(IndexMissing, match=r"run scripts/rebuild_index\.py"):
            PassageIndex.open(folder, encoder)


def test_a_missing_corpus_is_told(tmp_path: Path, encoder: HashEncoder) -> None:
    with pytest.raises(CorpusMissing, match="--corpus"):
        build_index(tmp_path / "none", tmp_path / "index", encoder)
    assert not list((tmp_path / "index").glob("[!.]*"))  # nothing but the lock


@pytest.mark.parametrize(("files", "told"), [({}, "nothing to index"), ({"a.txt": ""}, "a.txt is empty")])
def test_a_corpus_without_text_is_told_and_leaves_the_old_generation(
    built: tuple[Path, Path], tmp_path: Path, encoder: HashEncoder, files: dict[str, str], told: str
) -> None:
    before = contents(built[1])
    empty = tmp_path / "empty"
    empty.mkdir()
    for name, text in files.items():
        (empty / name).write_text(text)
    with pytest.raises(CorpusMissing, match=told):
        build_index(empty, built[1], encoder)
    assert contents(built[1]) == before


@pytest.mark.parametrize(
    ("name", "told"),
    [("bad.jsonl", r"bad\.jsonl:1: broken JSON"), ("queries.jsonl", r"queries\.jsonl:1: broken JSON")],
)
def test_a_broken_line_leaves_the_old_generation_live(
    built: tuple[Path, Path], encoder: HashEncoder, name: str, told: str
) -> None:
    corpus, folder = built
    before = contents(folder)
    (corpus / "qrels").mkdir()
    (corpus / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\n")
    (corpus / name).write_text("{broken")
    (corpus / "queries.jsonl").touch()
    with pytest.raises(CorpusError, match=told):
        build_index(corpus, folder, encoder)
    assert contents(folder) == before
    assert PassageIndex.open(folder, encoder).search("river")


def test_a_second_build_is_refused_while_one_is_at_work(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    corpus, folder = built
    (corpus / "new.txt").write_text("New.")
    with FileLock(folder / ".lock"):
        with pytest.raises(IndexBusy, match="another build is at work"):
            build_index(corpus, folder, encoder)
        assert len(PassageIndex.open(folder, encoder)) == 4  # searching needs no lock
    assert build_index(corpus, folder, encoder).passages == 5


def test_a_folder_that_cannot_be_made_is_told(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IndexReadOnly, match=r"cannot be written \(Not a directory\).*--index"):
        build_index(make_corpus(FILES), tmp_path / "file" / "index", encoder)


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("target", "error", "told"),
    [
        (
            "filelock.FileLock.acquire",
            PermissionError(errno.EACCES, "Permission denied"),
            "Permission denied",
        ),
        ("numpy.save", OSError("16 requested and 0 written"), "16 requested and 0 written"),
        ("chatbot.index._write_sqlite", sqlite3.OperationalError("disk is full"), "disk is full"),
        ("pathlib.Path.rename", OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
        ("pathlib.Path.replace", OSError(errno.ENOSPC, "No space left"), "No space left"),
    ],
)
def test_what_cannot_be_written_is_told_and_the_old_generation_stays(
    built: tuple[Path, Path],
    encoder: HashEncoder,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    error: Exception,
    told: str,
) -> None:
    corpus, folder = built
    live = current_generation(folder)
    (corpus / "new.txt").write_text("New.")
    with monkeypatch.context() as patch:
        patch.setattr(target, failing(error))
        with pytest.raises(IndexReadOnly, match=told) as refused:
            build_index(corpus, folder, encoder)
    assert str(folder) in str(refused.value)
    assert current_generation(folder) == live
    assert PassageIndex.open(folder, encoder).search("river")
    assert not list(folder.glob("building-*"))
    report = build_index(corpus, folder, encoder)
    assert generations(folder) == {live, report.generation}
    assert not list(folder.glob("CURRENT.*"))


def test_a_folder_made_read_only_after_a_build_is_told(
    built: tuple[Path, Path], encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, mkdir = contents(built[1]), Path.mkdir

    def refuse(path: Path, *args: Any, **kwargs: Any) -> None:
        if path.name.startswith("building-"):  # the lock is there already and can be opened
            raise PermissionError(errno.EACCES, "Permission denied")
        mkdir(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(IndexReadOnly, match="Permission denied"):
        build_index(*built, encoder, force=True)
    assert contents(built[1]) == before


def test_what_killed_builds_left_is_swept(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    corpus, folder = built
    (folder / "building-1").mkdir()
    (folder / "CURRENT.1").write_text("half")
    (folder / "notes").mkdir()  # not ours
    live = current_generation(folder)
    report = build_index(corpus, folder, encoder, force=True)
    left = {path.name for path in folder.iterdir()} - {".lock"}
    assert left == {"CURRENT", report.generation, "notes"}
    assert live != report.generation


def test_what_people_keep_in_the_folder_of_an_index_stays(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    kept = {"webapp/manifest.json": "{}", "building-plans/hall.txt": "Hall", "embedding-notes/a.txt": "A"}
    corpus, folder = make_corpus(FILES), make_corpus({**kept, "CURRENT.md": "Now"}, name="projects")
    for _ in range(2):
        build_index(corpus, folder, encoder, force=True)
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {*kept, "CURRENT.md"} <= left


def test_an_encoder_that_fails_leaves_the_old_generation(
    built: tuple[Path, Path], encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(built[1])
    (built[0] / "new.txt").write_text("New.")
    monkeypatch.setattr(encoder, "encode_passages", failing(RuntimeError("out of memory")))
    with pytest.raises(RuntimeError, match="out of memory"):
        build_index(*built, encoder)
    assert contents(built[1]) == before


def test_vectors_that_do_not_find_themselves_are_not_published(
    built: tuple[Path, Path], encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(built[1])
    encode = encoder.encode_passages
    monkeypatch.setattr(encoder, "encode_passages", lambda *args: encode(*args) * np.nan)
    with pytest.raises(IndexBroken, match="nothing was changed"):
        build_index(*built, encoder, force=True)
    assert contents(built[1]) == before


def test_a_corpus_that_changes_during_the_build_is_told(
    make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    corpus, folder = make_corpus(FILES), tmp_path / "index"

    class Meddler(HashEncoder):
        def encode_passages(self, texts: Any, progress: Any = None) -> Any:
            (corpus / "trees.md").write_text("# Trees\n\nBirches grow fast.\n")
            return super().encode_passages(texts, progress)

    report = build_index(corpus, folder, Meddler())
    assert report.warnings == (f"{corpus} changed during the build; run scripts/rebuild_index.py again",)
    assert stale(corpus, folder, encoder) == "files of the corpus: 1 changed (trees.md)"
    assert PassageIndex.open(folder, encoder).search("oaks")[0].text.startswith("Oaks grow slowly.")
    assert build_index(corpus, folder, encoder).warnings == ()
    assert PassageIndex.open(folder, encoder).search("birches")[0].text == "Birches grow fast."


# Generations --------------------------------------------------------------------------------


def test_an_open_index_answers_from_its_generation_even_when_that_is_swept(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    corpus, folder = built
    running = PassageIndex.open(folder, encoder)
    before = running.search("The Amur is a river")
    (corpus / "rivers.txt").unlink()
    build_index(corpus, folder, encoder)
    build_index(corpus, folder, encoder, force=True)
    assert running.generation not in generations(folder)
    assert running.search("The Amur is a river") == before
    assert running.document("rivers.txt").text == FILES["rivers.txt"]
    assert PassageIndex.open(folder, encoder).titles() == [("ships.md", "Ships"), ("trees.md", "Trees")]


SLOW_BUILD = """
import os, sys, time
from pathlib import Path
from conftest import HashEncoder
import chatbot.index as index

def slowed(function):
    def slow(*args, **kwargs):
        time.sleep(0.01)
        result = function(*args, **kwargs)
        time.sleep(0.01)
        return result
    return slow

for name in ("_write_bm25", "_write_sqlite", "_write_manifest", "_find_itself", "_sweep"):
    setattr(index, name, slowed(getattr(index, name)))
HashEncoder.encode_passages = slowed(HashEncoder.encode_passages)
Path.rename, Path.replace = slowed(Path.rename), slowed(Path.replace)
for line in sys.stdin:  # a build in a process of its own each; its imports are done
    child = os.fork()
    if not child:
        index.build_index(Path(sys.argv[1]), Path(sys.argv[2]), HashEncoder())
        print("done", flush=True)
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("over", flush=True)
"""


@contextmanager
def slow_builds(corpus: Path, folder: Path) -> Iterator[Callable[[], Iterator[str]]]:
    """A function that starts a build and gives its lines: its process, and "done" if it came that far."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_BUILD, str(corpus), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:

        def build() -> Iterator[str]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return iter(process.stdout.readline, "over\n")

        yield build
        process.kill()


def test_a_build_may_be_killed_at_any_moment(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    corpus = make_corpus({f"{i}.txt": f"Document {i} is of subject{i}. It is short." for i in range(30)})
    folder, encoder = tmp_path / "index", HashEncoder()
    build_index(corpus, folder, encoder)
    changing = corpus / "changing.txt"
    changing.write_text("Version first of the changing document.")
    dice = random.Random(1945)
    finished = 0
    with slow_builds(corpus, folder) as build:
        lines = build()  # not killed: how long does it take?
        next(lines)
        started = time.perf_counter()
        assert list(lines) == ["done\n"]
        whole = time.perf_counter() - started
        for moment in range(20):
            before = current_generation(folder)
            old = PassageIndex.open(folder, encoder).document("changing.txt").text
            new = f"Version {moment} of the changing document."
            changing.write_text(new)
            lines = build()
            process = int(next(lines))
            time.sleep(dice.uniform(0, whole))
            with suppress(ProcessLookupError):  # it may have come to its end
                os.kill(process, signal.SIGKILL)
            finished += list(lines) == ["done\n"]
            index = PassageIndex.open(folder, encoder)  # its checksums hold
            expected = old if index.generation == before else new
            assert index.document("changing.txt").text == expected
            assert index.search("subject7", 1)[0].passage.doc_id == "7.txt"
    assert finished <= 10, "too few builds were killed before their end"
    report = build_index(corpus, folder, encoder)
    assert report.documents == 31
    assert PassageIndex.open(folder, encoder).document("changing.txt").text == new
    changing.write_text("Version last of the changing document.")
    live = current_generation(folder)
    report = build_index(corpus, folder, encoder)
    left = {path.name for path in folder.iterdir()}
    assert left - {".lock"} == {"CURRENT", live, report.generation}


# Resuming -----------------------------------------------------------------------------------


STOPPED_BUILD = """
import sys, time
from pathlib import Path
from conftest import HashEncoder
import chatbot.index as index

class Slow(HashEncoder):
    def encode_passages(self, texts, progress=None):
        time.sleep(0.05)
        return super().encode_passages(texts, progress)

index.SHARD = 8
index.build_index(Path(sys.argv[1]), Path(sys.argv[2]), Slow())
"""


def stopped_build(corpus: Path, folder: Path) -> int:
    """Kill a build once it has embedded three shards of eight texts; how many it had written."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}
    arguments = [sys.executable, "-c", STOPPED_BUILD, str(corpus), str(folder)]
    with subprocess.Popen(arguments, env=environment) as process:
        while len(list(folder.glob("embedding-*/*.npy"))) < 3:
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    assert not (folder / "CURRENT").exists()
    return len(list(folder.glob("embedding-*/*.npy")))


@pytest.fixture
def stopped(make_corpus: MakeCorpus, tmp_path: Path) -> tuple[Path, Path, int]:
    """(corpus, folder, texts embedded) of a killed build; 60 passages of two sentences, so 180 texts."""
    corpus = make_corpus({f"{i:02}.txt": f"Document {i} is of subject{i}. It is {i}." for i in range(60)})
    return corpus, tmp_path / "index", 8 * stopped_build(corpus, tmp_path / "index")


def test_a_killed_build_is_resumed_with_what_it_had_embedded(
    stopped: tuple[Path, Path, int], encoder: HashEncoder
) -> None:
    corpus, folder, texts = stopped
    progress: list[tuple[int, int]] = []
    report = build_index(
        corpus,
        folder,
        encoder,
        progress=lambda stage, done, total: progress.append((done, total)) if stage == "embedding" else None,
    )
    assert 24 <= texts < 180
    assert encoder.calls == 180 - texts
    assert progress[0] == (texts, 180)
    assert progress[-1] == (180, 180)
    # the passages are embedded before the sentences
    assert (report.passages, report.reused) == (60, min(texts, 60))
    assert report.embedded == 60 - report.reused
    assert {path.name for path in folder.iterdir()} - {".lock"} == {"CURRENT", report.generation}
    fresh = folder.parent / "fresh"
    build_index(corpus, fresh, encoder)
    for name in ("passage_vectors.npy", "sentence_vectors.npy", "token_signs.u8", "token_offsets.npy"):
        resumed = (folder / report.generation / name).read_bytes()
        assert resumed == (fresh / current_generation(fresh) / name).read_bytes()


def test_a_changed_document_is_embedded_when_the_rest_is_resumed(
    stopped: tuple[Path, Path, int], encoder: HashEncoder
) -> None:
    corpus, folder, texts = stopped
    (corpus / "00.txt").write_text("Another beginning. It is 0.")
    build_index(corpus, folder, encoder)
    assert encoder.calls == 180 - texts + 1 + (texts > 60)  # the passage and its first sentence
    assert PassageIndex.open(folder, encoder).search("Another beginning")[0].passage.doc_id == "00.txt"


@pytest.mark.parametrize("kind", ["vectors.npy", "signs.u8"])
def test_a_truncated_shard_is_embedded_again(
    stopped: tuple[Path, Path, int], encoder: HashEncoder, kind: str
) -> None:
    corpus, folder, texts = stopped
    shard = next(folder.glob(f"embedding-*/*.{kind}"))
    shard.write_bytes(shard.read_bytes()[:-100])
    build_index(corpus, folder, encoder)
    assert encoder.calls == 180 - (texts - 8)
    assert PassageIndex.open(folder, encoder).search("subject7", 1)[0].passage.doc_id == "07.txt"


@pytest.mark.parametrize(("other", "force"), [(HashEncoder("other"), False), (HashEncoder(), True)])
def test_another_encoder_or_force_resumes_nothing(
    stopped: tuple[Path, Path, int], other: HashEncoder, force: bool
) -> None:
    corpus, folder, _ = stopped
    other.calls = 0
    report = build_index(corpus, folder, other, force=force)
    assert (report.embedded, report.reused, other.calls) == (60, 0, 180)
    assert not list(folder.glob("embedding-*"))


def test_vectors_that_were_refused_are_not_resumed(
    built: tuple[Path, Path], encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (built[0] / "new.txt").write_text("Quite new.")
    with monkeypatch.context() as patch:
        encode = encoder.encode_passages
        patch.setattr(encoder, "encode_passages", lambda *args: encode(*args) * np.nan)
        patch.setattr(index_module, "_find_itself", failing(IndexBroken("refused")))
        with pytest.raises(IndexBroken):
            build_index(*built, encoder)
    assert not list(built[1].glob("embedding-*"))
    assert build_index(*built, encoder).embedded == 1
    assert PassageIndex.open(built[1], encoder).search("Quite new")[0].passage.doc_id == "new.txt"
