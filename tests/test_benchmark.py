"""The benchmark: its figures by hand, its made passages, and a run from end to end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from conftest import FILES, HashEncoder
from evaluating import PARAMETERS

import chatbot.index as index_module
from chatbot.encoder import unit_rows
from chatbot.index import PassageIndex

MakeCorpus = Callable[..., Path]

WORDS = "a oak tree ship bay fleet border long metres size old year slow grow lie form".split()


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    return import_module("benchmark")


@pytest.fixture
def base(built: tuple[Path, Path], encoder: HashEncoder) -> PassageIndex:
    return PassageIndex.open(built[1], encoder)


def test_the_exact_nearest_are_those_of_a_full_sort(benchmark: ModuleType) -> None:
    dice = np.random.default_rng(3)
    passages = unit_rows(dice.normal(size=(500, 16)))
    vectors = unit_rows(dice.normal(size=(7, 16)))
    expected = np.sort(np.argsort(-(vectors @ passages.T), axis=1)[:, :10], axis=1)
    for block in (7, 64, 1000):
        assert (np.sort(benchmark.exact_nearest(passages, vectors, block), axis=1) == expected).all()


def test_calls_are_timed_in_turns_and_the_first_turn_does_not_count(benchmark: ModuleType) -> None:
    calls: list[str] = []

    def first() -> None:
        time.sleep(0.2 if not calls else 0.002)
        calls.append("a")

    def second() -> None:
        time.sleep(0.02)
        calls.append("b")

    a, b = benchmark.in_turns(first, second)
    assert calls == ["a", "b"] * (benchmark.ROUNDS + 1)
    assert a < 0.015 < b


def test_the_first_passages_are_the_haystacks_own(
    benchmark: ModuleType, base: PassageIndex, tmp_path: Path, encoder: HashEncoder
) -> None:
    benchmark.make_index(base, 10, tmp_path / "made")
    made = PassageIndex.open(tmp_path / "made", encoder)
    assert (len(made), made.manifest["documents"]) == (10, 10)
    for row in range(10):
        (_, text, title, _), (_, expected, of, _) = made.passage(row), base.passage(row % 4)
        assert (text, title) == (expected, of)
    assert (made._passages[:4] == base._passages).all()
    assert (made._sentences[:8] == base._sentences).all()
    assert np.diff(made._offsets).tolist() == [3, 2, 1, 2, 3, 2, 1, 2, 3, 2]  # sentences of a passage


def test_repeated_vectors_have_length_1_and_lie_beside_their_original(
    benchmark: ModuleType, base: PassageIndex
) -> None:
    vectors = [vector for vector, _, _ in benchmark.Repeated(base, 400).vectors()]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert len(np.unique(np.round(vectors, 5), axis=0)) == 400
    cosines = [float(vector @ base._passages[i % 4]) for i, vector in enumerate(vectors)][4:]
    # v + u/2 + e of length .4: cos = (1 + c/2) / √(1 + c + 1/4 + .16), at least .84 for c = cos(u, v) ≥ 0
    assert 0.8 < np.mean(cosines) < 1
    assert min(cosines) > 0.6


def test_one_word_in_five_is_changed_and_new_words_come_with_every_repetition(
    benchmark: ModuleType, base: PassageIndex
) -> None:
    words = list(benchmark.Repeated(base, 2000).words())
    assert [len(passage) for passage in words[:4]] == [len(passage) for passage in words[-4:]]
    pairs = [
        (word, own) for i, said in enumerate(words[4:]) for word, own in zip(said, words[i % 4], strict=True)
    ]
    changed = np.mean([word != own for word, own in pairs])
    assert 0.15 < changed < 0.22  # a word drawn may be the word that it replaces
    spoken = [word for passage in words for word in passage]
    new = set(spoken) - {word for passage in words[:4] for word in passage}
    assert 0.007 < len(new) / len(spoken) < 0.013


def test_made_passages_above_the_bound_are_probed_with_high_recall(
    benchmark: ModuleType,
    built: tuple[Path, Path],
    tmp_path: Path,
    encoder: HashEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index_module, "EXACT_UP_TO", 500)
    benchmark.make_index(PassageIndex.open(built[1], encoder), 1000, tmp_path / "made")
    found = benchmark.measure_search(tmp_path / "made", encoder, [f"{word} river" for word in WORDS])
    assert found.faiss == "IVF128,SQ8"
    assert found.recall >= 0.9  # of few and very similar passages
    assert (found.passages, found.n) == (1000, 16)
    assert set(found.milliseconds) == {"encode", "dense", "lexical", "fuse", "search"}
    assert all(0 < median <= high for median, high in found.milliseconds.values())
    assert found.resident_bytes > 1e7
    assert found.disk_bytes > 1000 * 64 * 4


def test_a_rebuild_embeds_all_then_nothing_then_one(
    benchmark: ModuleType, make_corpus: MakeCorpus, tmp_path: Path, encoder: HashEncoder
) -> None:
    corpus, questions = benchmark.take_haystack(make_corpus(FILES), tmp_path / "haystack", 2)
    before = (corpus / "corpus.jsonl").read_bytes()
    builds = benchmark.measure_rebuild(encoder, corpus, tmp_path / "built")
    assert [build.embedded for build in builds] == [3, 0, 1]
    assert [build.build for build in builds] == ["from nothing", "unchanged", "one document changed"]
    assert (corpus / "corpus.jsonl").read_bytes() == before
    assert len(questions) == 2


def test_the_smoke_test_prints_writes_and_draws(
    benchmark: ModuleType,
    make_corpus: MakeCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(benchmark, "load_encoder", lambda *_args, **_options: HashEncoder())
    queries = json.dumps({"_id": "1", "text": "Where is the Amur?"})
    qrels = "query-id\tcorpus-id\tscore\n1\trivers.txt\t1\n"
    haystack = make_corpus({**FILES, "queries.jsonl": queries, "qrels/test.tsv": qrels})
    monkeypatch.setattr(benchmark, "load_network_reader", lambda: None)
    monkeypatch.setattr("chatbot.answer.load_parameters", lambda: {"untrained": PARAMETERS})
    arguments = ["--quick", "--haystack", haystack, "--parts", "rebuild", "search", "answer"]
    arguments += ["--json", tmp_path / "figures.json", "--plot", tmp_path / "plot.png"]
    assert benchmark.main([str(argument) for argument in arguments]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in printed] == ["rebuild"] * 3 + ["search"] * 2 + ["answer"]
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [search["passages"] for search in figures["search"]] == [200, 400]
    assert [search["n"] for search in figures["search"]] == [1, 1]
    (answer,) = figures["answer"]
    assert (answer["passages"], answer["n"]) == (3, 1)
    median, high = answer["milliseconds"]["whole"]
    assert (
        0 < sum(answer["milliseconds"][stage][0] for stage in ("encode", "search", "read")) < median <= high
    )
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_equal_encoders_differ_by_nothing_in_quality(
    benchmark: ModuleType, make_corpus: MakeCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "load_encoder", lambda *_args, **_options: HashEncoder())
    queries = json.dumps({"_id": "1", "text": "Where is the Amur?"})
    qrels = "query-id\tcorpus-id\tscore\n1\trivers.txt\t1\n"
    judged = make_corpus({**FILES, "queries.jsonl": queries, "qrels/test.tsv": qrels})
    (found,) = benchmark.measure_quality([HashEncoder()], judged, "test", tmp_path)
    assert (found.n, found.precision, found.ours, found.baseline) == (1, "float32", 1.0, 1.0)
    assert found.difference[0] == 0


def test_a_missing_haystack_is_told(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "load_encoder", lambda *_args, **_options: HashEncoder())
    assert benchmark.main(["--haystack", str(tmp_path / "none")]) == 2
    assert "benchmark: " in capsys.readouterr().err


@pytest.mark.slow
def test_the_embedding_is_compared_with_the_library_as_it_comes(
    benchmark: ModuleType, make_corpus: MakeCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "ROUNDS", 1)
    corpus, _ = benchmark.take_haystack(make_corpus(FILES), tmp_path / "haystack", 1)
    found = benchmark.measure_embedding(benchmark.in_precisions(benchmark.load_encoder(), None), corpus, 3)
    assert found[-1].precision == "int8"
    assert len({each.precision for each in found}) == len(found)
    for each in found:
        assert each.n == 3
        assert each.ratio == pytest.approx(each.ours / each.baseline)


@pytest.mark.slow
def test_int8_is_not_measured_twice(benchmark: ModuleType) -> None:
    bytes_ = benchmark.load_encoder(precision="int8")
    assert benchmark.in_precisions(bytes_, None) == [bytes_]
