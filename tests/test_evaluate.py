"""The measures, by hand; and both evaluation scripts from end to end on a tiny corpus."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import ir_measures
import numpy as np
import pytest
from conftest import CountingReader, HashEncoder
from evaluating import PARAMETERS, QUERIES
from hypothesis import given
from hypothesis import strategies as st
from symspellpy.editdistance import DistanceAlgorithm, EditDistance

from chatbot import evaluate
from chatbot.answer import Citation
from chatbot.corpus import Document, Evidence, Query
from chatbot.errors import ChatbotError, IndexMismatch, QuestionError
from chatbot.index import PassageIndex

INF = math.inf


# Retrieval ----------------------------------------------------------------------------------


def measured(run: dict[str, float], judgements: dict[str, int]) -> dict[str, float]:
    """The measures of one query."""
    values = evaluate.measure_queries({"q": run}, {"q": judgements}, [Query("q", "?")])
    return dict(zip(map(str, evaluate.MEASURES), values[0].tolist(), strict=True))


def test_ndcg_by_hand() -> None:
    # relevant a, b at ranks 1 and 3: (1 + 1/2) / (1 + 1/log2(3)) = 0.9197
    values = measured({"a": 0.9, "x": 0.8, "b": 0.7}, {"a": 1, "b": 1})
    assert values["nDCG@10"] == pytest.approx(0.9197, abs=1e-4)


def test_graded_ndcg_by_hand() -> None:
    # grades 1, 2 found in that order: (1 + 2/log2(3)) / (2 + 1/log2(3)) = 0.8597
    assert measured({"a": 2.0, "b": 1.0}, {"a": 1, "b": 2})["nDCG@10"] == pytest.approx(0.8597, abs=1e-4)


def test_the_other_measures_by_hand() -> None:
    # relevant at ranks 2 and 12, a third one not found
    run = {f"d{rank:02}": 100.0 - rank for rank in range(1, 21)}
    values = measured(run, {"d02": 1, "d12": 1, "lost": 1})
    assert values["R@10"] == pytest.approx(1 / 3)
    assert values["R@100"] == pytest.approx(2 / 3)
    assert values["RR@10"] == pytest.approx(1 / 2)
    assert (values["Success@1"], values["Success@5"]) == (0.0, 1.0)
    assert values["AP"] == pytest.approx((1 / 2 + 2 / 12) / 3)


def test_reciprocal_rank_is_0_below_rank_10() -> None:
    run = {f"d{rank:02}": 100.0 - rank for rank in range(1, 21)}
    assert measured(run, {"d11": 1})["RR@10"] == 0.0


def test_a_query_without_hits_scores_0() -> None:
    values = evaluate.measure_queries({}, {"q": {"a": 1}}, [Query("q", "?")])
    assert values.tolist() == [[0.0] * len(evaluate.MEASURES)]


def test_a_document_scores_as_its_best_passage() -> None:
    ranking = evaluate.rank_documents(np.array([0.2, 0.9, 0.5]), ["a", "b", "a"])
    assert ranking == {"b": 0.9, "a": 0.5}


def test_equal_scores_keep_corpus_order() -> None:
    # ids against the order in which trec_eval breaks ties (descending)
    ranking = evaluate.rank_documents(np.array([0.5, 0.5, 0.5]), ["a", "b", "c"])
    assert list(ranking) == ["a", "b", "c"]
    assert measured(ranking, {"b": 1})["nDCG@10"] == pytest.approx(1 / math.log2(3))


def test_passages_that_a_method_has_not_found_are_left_out() -> None:
    assert evaluate.rank_documents(np.array([-INF, 0.1, -INF]), ["a", "b", "c"]) == {"b": 0.1}


@given(st.lists(st.tuples(st.floats(-50, 50), st.integers(0, 150)), max_size=400))
def test_run_scores_fall_strictly_even_as_32_bit_floats(passages: list[tuple[float, int]]) -> None:
    scores = np.array([score for score, _ in passages], np.float64)
    ranking = evaluate.rank_documents(scores, [f"d{document}" for _, document in passages])
    kept = np.array(list(ranking.values()), np.float32)
    assert len(kept) <= evaluate.RUN_DEPTH
    assert (kept[1:] < kept[:-1]).all()


class FakeIndex:
    """Passages of documents a, b, c (two of a), each method with scores of its own."""

    rows = ("a", "a", "b", "c")
    methods: ClassVar = {
        "dense": [0.1, 0.3, 0.2, -INF],
        "bm25": [-INF, -INF, 4.0, -INF],
        "rrf": [0.1, 0.2, 0.3, 0.0],
        "ours": [0.0, 0.9, 0.5, 0.5],
    }
    manifest: ClassVar = {"documents": 3, "passages": 4}

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def pool(self, question: str, depth: int = 100) -> Any:
        self.asked.append((question, depth))
        return SimpleNamespace(
            rows=np.arange(4), scores=lambda method: np.array(self.methods[method], np.float64)
        )

    def doc_id(self, row: int) -> str:
        return self.rows[row]

    def document(self, doc_id: str) -> Document:
        if doc_id not in self.rows:
            raise KeyError(doc_id)
        return Document(doc_id, doc_id.upper(), f"Text of {doc_id}. More of it.", doc_id, ())


def test_all_methods_come_from_one_pool_a_query() -> None:
    index = FakeIndex()
    retrieval = evaluate.retrieve(index, [Query("1", "Who?"), Query("2", "When?")])
    assert index.asked == [("Who?", evaluate.POOL_DEPTH), ("When?", evaluate.POOL_DEPTH)]
    assert {method: list(run["1"]) for method, run in retrieval.runs.items()} == {
        "dense": ["a", "b"],
        "bm25": ["b"],
        "rrf": ["b", "a", "c"],
        "ours": ["a", "b", "c"],
    }
    assert len(retrieval.milliseconds) == 2


def test_passages_that_were_read_rank_by_search_and_reader(
    built: tuple[Path, Path], encoder: HashEncoder
) -> None:
    index = PassageIndex.open(built[1], encoder)
    query = Query("1", "How long is the Missouri?")
    runs = evaluate.retrieve(index, [query], CountingReader()).runs
    hits = index.search(query.text)  # two of the four passages are read, passage n with the logit n
    together: dict[str, float] = {}
    for n, hit in enumerate(hits):
        score = (hit.score + (0.02 / (1 + math.exp(-n)) if n < 2 else 0)) / 1.02
        together[hit.passage.doc_id] = max(score, together.get(hit.passage.doc_id, 0))
    assert runs["reranked"]["1"] == pytest.approx(together, abs=1e-6)
    assert runs["ours"] == evaluate.retrieve(index, [query]).runs["ours"]


def test_a_follow_up_is_searched_as_its_standalone_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "standalone", lambda question, history: f"{history[-1]} + {question}")
    index = FakeIndex()
    evaluate.retrieve(index, [Query("1", "And then?", history=("Who won?",)), Query("2", "Why?")])
    assert [question for question, _ in index.asked] == ["Who won? + And then?", "Why?"]


def test_only_answerable_queries_with_a_relevant_document_are_judged() -> None:
    queries = [Query("1", "?"), Query("2", "?", answerable=False), Query("3", "?"), Query("4", "?")]
    qrels = {"1": {"a": 1}, "2": {"a": 1}, "3": {"a": 0}}
    assert [query.query_id for query in evaluate.judged_queries(queries, qrels)] == ["1"]


def test_a_limit_takes_queries_from_the_whole_file() -> None:
    queries = [Query(str(number), "?") for number in range(10)]
    assert [query.query_id for query in evaluate.spread(queries, 4)] == ["0", "2", "5", "7"]
    assert evaluate.spread(queries, 10) == evaluate.spread(queries, 99) == evaluate.spread(queries, None)
    assert evaluate.spread(queries, 0) == []


def retrieval_report(n: int) -> evaluate.RetrievalReport:
    index = FakeIndex()
    queries = [Query(str(number), "?") for number in range(n)]
    qrels = {query.query_id: {"b": 1} for query in queries}
    retrieval = evaluate.retrieve(index, queries)
    values = {m: evaluate.measure_queries(run, qrels, queries) for m, run in retrieval.runs.items()}
    return evaluate.report_retrieval("tiny", index, values, retrieval.milliseconds)


def test_the_retrieval_report_sets_ours_against_each_method() -> None:
    # b is second for ours and first for BM25: 1/log2(3) - 1 = -0.3691
    report = retrieval_report(8)
    assert report.methods["bm25"]["nDCG@10"] == evaluate.Interval(1.0, 1.0, 1.0, 8)
    difference = report.difference["ours-bm25"]["nDCG@10"]
    assert difference.interval.mean == pytest.approx(-0.3691, abs=1e-4)
    assert difference.interval.low == difference.interval.high == difference.interval.mean
    assert difference.p == pytest.approx(2 / 2**8, abs=0.003)  # all 8 signs alike, or all opposite
    assert report.difference["ours-dense"]["nDCG@10"].p == 1.0


def test_the_retrieval_json_has_the_agreed_keys() -> None:
    report = retrieval_report(3).to_json()
    assert list(report) == ["corpus", "documents", "passages", "n", "methods", "difference", "milliseconds"]
    assert list(report["methods"]) == ["dense", "bm25", "rrf", "ours"]
    assert list(report["methods"]["ours"]) == [
        "nDCG@10", "R@10", "R@100", "RR@10", "Success@1", "Success@5", "AP"
    ]  # fmt: skip
    assert set(report["methods"]["ours"]["AP"]) == {"mean", "low", "high"}
    assert list(report["difference"]) == ["ours-dense", "ours-bm25", "ours-rrf"]
    assert {"mean", "low", "high"} <= set(report["difference"]["ours-rrf"]["AP"])
    json.dumps(report, allow_nan=False)


def test_no_question_gives_no_figure() -> None:
    report = retrieval_report(0)
    assert report.to_json()["methods"]["ours"]["AP"] == {"mean": None, "low": None, "high": None}
    assert "–" in report.to_text()


def test_runs_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    run = {"q 1": {"a b.md": 0.75, "c": 0.75 - 1e-6}, "q2": {"c": -1.5}}
    paths = evaluate.write_runs(tmp_path / "run.trec", {"ours": run, "bm25": {}})
    assert [path.name for path in paths] == ["run.ours.trec", "run.bm25.trec"]
    lines = paths[0].read_text().splitlines()
    assert lines[0] == "q%201 Q0 a%20b.md 1 0.75 ours"
    assert all(len(line.split()) == 6 for line in lines)
    read = [tuple(row) for row in ir_measures.read_trec_run(str(paths[0]))]
    assert read == [("q%201", "a%20b.md", 0.75), ("q%201", "c", 0.749999), ("q2", "c", -1.5)]


def test_runs_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "run.ours.trec").mkdir()
    with pytest.raises(ChatbotError, match=r"run\.ours\.trec cannot be written .*; name another --run"):
        evaluate.write_runs(tmp_path / "run.trec", {"ours": {"q": {"d": 1.0}}})


def test_a_folder_for_runs_that_is_not_there_is_told_before_anything_is_measured(
    evaluate_retrieval: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_retrieval(tmp_path / "no corpus", "--run", tmp_path / "no folder" / "run.trec") == 2
    assert "run.trec cannot be written; name a file in a folder that exists" in capsys.readouterr().err


def test_the_worst_queries_show_gold_and_what_was_found_instead() -> None:
    index, queries = FakeIndex(), [Query("1", "Good?"), Query("2", "Bad?")]
    qrels = {"1": {"a": 1}, "2": {"c": 1, "x": 0}}
    run = evaluate.retrieve(index, queries).runs["ours"]
    values = evaluate.measure_queries(run, qrels, queries)
    (miss,) = evaluate.worst_retrieved(index, queries, qrels, run, values, 1)
    assert miss.question == "Bad?"
    assert miss.gold == ("c | C | Text of c. More of it.",)
    assert miss.found == ("a | A | Text of a. More of it.", "b | B | Text of b. More of it.")


def test_judged_documents_outside_the_corpus_are_named() -> None:
    qrels = {"1": {"a": 1, "gone": 1, "other": 0}}
    assert evaluate.missing_documents(FakeIndex(), qrels, [Query("1", "?")]) == ["gone"]


# Intervals ----------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_an_interval_holds_its_mean(values: list[float]) -> None:
    interval = evaluate.mean_interval(values)
    assert interval.low - 1e-9 <= interval.mean <= interval.high + 1e-9
    assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9


def test_an_interval_is_the_same_each_time() -> None:
    values = np.random.default_rng(1).random(200).tolist()
    assert evaluate.mean_interval(values) == evaluate.mean_interval(values)


def test_equal_values_give_an_interval_of_no_width() -> None:
    assert evaluate.mean_interval([0.3] * 17) == evaluate.Interval(0.3, 0.3, 0.3, 17)


def test_an_interval_is_as_wide_as_theory_says() -> None:
    # 200 of 400: standard error sqrt(.5 * .5 / 400) = .025, so .5 ± 1.96 * .025
    interval = evaluate.mean_interval([0.0, 1.0] * 200)
    assert (interval.mean, interval.n) == (0.5, 400)
    assert interval.low == pytest.approx(0.451, abs=0.004)
    assert interval.high == pytest.approx(0.549, abs=0.004)


def test_no_values_give_an_undefined_interval() -> None:
    interval = evaluate.mean_interval([])
    assert math.isnan(interval.mean)
    assert interval.to_json() == {"mean": None, "low": None, "high": None}


def test_p_is_1_without_a_difference_and_small_for_a_constant_one() -> None:
    differences = np.column_stack([np.zeros(12), np.full(12, 0.1), [0.1, -0.1] * 6])
    none, constant, balanced = evaluate.randomisation_p(differences).tolist()
    assert none == balanced == 1.0
    assert constant == pytest.approx(2 / 2**12, abs=0.0006)


# Answers ------------------------------------------------------------------------------------


def test_auroc_by_hand() -> None:
    # positives .9 .5, negatives .5 .1: wins 1, 1, 1/2, 1 of 4 pairs
    # (midranks 4 and 2.5: U = 6.5 - 3 = 3.5)
    scores, positive = np.array([0.5, 0.9, 0.1, 0.5]), np.array([True, True, False, False])
    assert evaluate.auroc(scores, positive, np.ones((1, 4))).tolist() == [3.5 / 4]


def test_auroc_without_both_classes_is_undefined() -> None:
    assert np.isnan(evaluate.auroc(np.array([0.5, 0.1]), np.array([True, True]), np.ones((1, 2)))).all()


weighted = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12)


@given(weighted)
def test_auroc_counts_pairs_as_often_as_they_were_drawn(rows: list[tuple[int, bool, int]]) -> None:
    scores, positive, drawn = (np.array(column) for column in zip(*rows, strict=True))
    (area,) = evaluate.auroc(scores / 5, positive, drawn[None].astype(float)).tolist()
    repeated = [(score, flag) for score, flag, times in rows for _ in range(times)]
    pairs = [(a > b) + (a == b) / 2 for a, p in repeated if p for b, q in repeated if not q]
    assert math.isnan(area) if not pairs else area == pytest.approx(sum(pairs) / len(pairs))


def test_risk_and_coverage_by_hand() -> None:
    # by confidence: right, wrong, right, wrong -> risks 0, 1/2, 1/3, 2/4
    confidence = np.array([0.6, 0.9, 0.8, 0.7])
    wrong = np.array([True, False, True, False])
    curve = dict(evaluate.risk_coverage(wrong, confidence))
    assert len(curve) == 20
    risks = [curve[coverage] for coverage in (0.25, 0.5, 0.75, 1.0)]
    assert risks == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    area = evaluate.aurc(wrong, confidence, np.ones((1, 4)))
    assert area.tolist() == pytest.approx([(0 + 1 / 2 + 1 / 3 + 1 / 2) / 4])


def test_equal_confidences_are_covered_together() -> None:
    confidence, wrong = np.array([0.9, 0.9, 0.1]), np.array([True, False, True])
    # risks 1/2, 1/2, 2/3, whichever of the first two comes first
    for order in ([0, 1, 2], [1, 0, 2]):
        area = evaluate.aurc(wrong[order], confidence[order], np.ones((1, 3)))
        assert area.tolist() == pytest.approx([(1 / 2 + 1 / 2 + 2 / 3) / 3])


@given(weighted)
def test_aurc_counts_answers_as_often_as_they_were_drawn(rows: list[tuple[int, bool, int]]) -> None:
    confidence, wrong, drawn = (np.array(column) for column in zip(*rows, strict=True))
    (area,) = evaluate.aurc(wrong, confidence / 5, drawn[None].astype(float)).tolist()
    repeated = [(score, flag) for score, flag, times in rows for _ in range(times)]
    if not repeated:
        assert math.isnan(area)
        return
    above = [[flag for score, flag in repeated if score >= cut] for cut, _ in repeated]
    assert area == pytest.approx(sum(sum(flags) / len(flags) for flags in above) / len(above))


def figures(bins: Iterable[evaluate.Bin]) -> list[tuple[float, float, int]]:
    return [(round(part.confidence, 9), round(part.share, 9), part.n) for part in bins]


def error(confidence: Sequence[float], happened: Sequence[int], bins: int, *weights: float) -> float:
    values = np.array(confidence, np.float64), np.array(happened, np.bool_)
    return float(evaluate.ece(*values, np.array([weights or [1.0] * len(happened)]), bins)[0])


def test_calibration_in_two_bins_by_hand() -> None:
    confidence, happened = [0.9, 0.2, 0.7, 0.4], [1, 0, 0, 1]
    bins = evaluate.calibration(np.array(confidence), np.array(happened, np.bool_), 2)
    assert figures(bins) == [(0.3, 0.5, 2), (0.8, 0.5, 2)]
    assert error(confidence, happened, 2) == pytest.approx((2 * 0.2 + 2 * 0.3) / 4)
    # the .9 drawn three times, the .7 not at all, in the same bins: |.6 - 1| and |2.7 - 3| of 5 draws
    assert error(confidence, happened, 2, 3, 1, 0, 1) == pytest.approx((0.4 + 0.3) / 5)


def test_a_perfect_confidence_has_no_error() -> None:
    assert error([0.25] * 4 + [0.75] * 4, [0, 0, 0, 1, 1, 1, 1, 0], 2) == 0.0
    assert error([0.0, 1.0, 1.0], [0, 1, 1], 10) == 0.0


def test_equal_confidences_share_a_bin() -> None:
    # of five the .5s reach from the first half into the second; their middle is 1.5 of 5, in the first
    confidence, happened = np.array([0.5, 0.9, 0.5, 0.5, 0.7]), np.array([1, 1, 0, 0, 1], np.bool_)
    assert figures(evaluate.calibration(confidence, happened, 2)) == [
        (0.5, round(1 / 3, 9), 3),
        (0.8, 1.0, 2),
    ]
    assert figures(evaluate.calibration(np.full(5, 0.5), happened)) == [(0.5, 0.6, 5)]


def test_the_error_of_a_perfect_confidence_by_chance() -> None:
    assert str(evaluate.ece_by_chance(np.array([0.0, 1.0]))) == "0.000 [0.000, 0.000]"
    assert str(evaluate.ece_by_chance(np.array([0.5]))) == "0.500 [0.500, 0.500]"  # off by a half either way
    # two coins in one bin differ half of the time, and then the share is right
    two = evaluate.ece_by_chance(np.array([0.5, 0.5]))
    assert (two.mean, two.low, two.high) == (pytest.approx(0.25, abs=0.01), 0.0, 0.5)
    assert math.isnan(evaluate.ece_by_chance(np.zeros(0)).mean)


def test_calibration_of_nothing_is_undefined() -> None:
    nothing, never = np.zeros(0), np.zeros(0, np.bool_)
    assert evaluate.calibration(nothing, never) == ()
    assert math.isnan(evaluate.ece(nothing, never, np.zeros((1, 0)))[0])


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=60))
def test_the_error_is_the_mean_gap_of_the_bins(rows: list[tuple[int, bool]]) -> None:
    confidence = np.array([value / 20 for value, _ in rows])
    happened = np.array([happened for _, happened in rows], np.bool_)
    bins = evaluate.calibration(confidence, happened)
    assert sum(part.n for part in bins) == len(rows)
    gap = sum(part.n * abs(part.confidence - part.share) for part in bins) / len(rows)
    assert evaluate.ece(confidence, happened, np.ones((1, len(rows))))[0] == pytest.approx(gap)


def test_answers_are_normalised_as_in_squad() -> None:
    assert evaluate.normalise("  The Cat's\ta  HAT, an U.S. thesis! ") == "cats hat us thesis"


def test_a_contained_answer_may_be_part_of_a_word_unless_words_are_asked() -> None:
    assert evaluate.contains_string("On 18 August", ["8"])
    assert not evaluate.contains_words("On 18 August", ["8"])
    assert evaluate.contains_words("It was the 8th, “8 August” to some.", ["9", "8"]) is False
    assert evaluate.contains_words('It was "8 August" to some.', ["9", "8"])
    assert not evaluate.contains_string("anything", ["the", "!"])  # nothing is left of them


def test_token_f1_by_hand() -> None:
    assert evaluate.token_f1("8 August 1945", "the August, 1945") == pytest.approx(2 * 2 / (3 + 2))
    assert evaluate.token_f1("", "1945") == 0.0
    assert evaluate.token_f1("1945 1945", "1945") == pytest.approx(2 / 3)


def cite(quote: str, start: int, doc_id: str = "d") -> Citation:
    return Citation(
        number=1,
        doc_id=doc_id,
        title="",
        section="",
        source="",
        page=None,
        start=start,
        end=start + len(quote),
        quote=quote,
        doc_sha256="",
    )


@pytest.mark.parametrize(
    ("start", "doc", "on_evidence"),
    [(0, "d", False), (1, "d", True), (19, "d", True), (20, "d", False), (12, "other", False)],
)
def test_the_first_quote_is_on_evidence_from_one_shared_character(
    start: int, doc: str, on_evidence: bool
) -> None:
    evidence = [Evidence("d", 10, 20)]
    assert evaluate.quotes_evidence([cite("x" * 10, start, doc)], evidence) is on_evidence
    assert not evaluate.quotes_evidence([cite("x", 0), cite("x" * 10, 12)], evidence)  # only the second
    assert not evaluate.quotes_evidence([], evidence)


class FakeChatbot:
    """Answers from a script of (status, confidence, citations, short answer) by question."""

    text = "Alpha won in 1945. Beta lost."

    def __init__(self, script: dict[str, tuple[str, float, Sequence[Citation], str]]) -> None:
        self.script = script
        self.index = SimpleNamespace(
            document=lambda doc_id: {"d": Document("d", "", self.text, "", ())}[doc_id]
        )

    def answer(self, question: str, history: Sequence[str] = (), *, verbatim: bool = False) -> Any:
        if question not in self.script:
            raise QuestionError("too long")
        status, confidence, citations, short_answer = self.script[question]
        return SimpleNamespace(
            status=status, confidence=confidence, citations=tuple(citations), short_answer=short_answer,
            unmentioned=("Who",) if question == "Who drew?" else (),
        )  # fmt: skip


def true_cite(quote: str) -> Citation:
    start = FakeChatbot.text.index(quote)
    digest = hashlib.sha256(FakeChatbot.text.encode()).hexdigest()
    return Citation(**{**vars(cite(quote, start)), "doc_sha256": digest})


def four_outcomes() -> list[evaluate.Outcome]:
    """By confidence: answered rightly, answered the unanswerable, refused the answerable, refused rightly."""
    first = true_cite("Alpha won in 1945.")
    chatbot = FakeChatbot(
        {
            "Who won?": ("answered", 0.9, [first], "Alpha"),
            "Who drew?": ("answered", 0.6, [true_cite("Beta lost.")], ""),
            "When did Alpha win?": ("closest", 0.4, [first], "in 1945"),
            "Who cheated?": ("not_found", 0.1, [], ""),
        }
    )
    evidence = (Evidence("d", 0, 18),)
    queries = [
        Query("1", "Who won?", ("Alpha", "the winner of them all was Alpha"), evidence, kind="who"),
        Query("2", "When did Alpha win?", ("1945",), evidence, kind="when"),
        Query("3", "Who cheated?", answerable=False, kind="who"),
        Query("4", "Who drew?", answerable=False, kind="who"),
    ]
    return [evaluate.ask(chatbot, query) for query in queries]


def test_refusing_an_answerable_question_counts_as_wrong_in_every_share() -> None:
    figures = evaluate.report_answers("tiny", four_outcomes()).answerable
    means = {name: (figure.mean, figure.n) for name, figure in figures.items()}
    assert means == {
        "first_quote_on_evidence": (0.5, 2),
        "contains_answer": (0.5, 2),
        "contains_answer_words": (0.5, 2),
        "short_answer_f1": (0.5, 2),
        "exact_citations": (1.0, 3),
    }


def test_refusal_figures_by_hand() -> None:
    figures = evaluate.report_answers("tiny", four_outcomes()).refusal
    # 1 - confidence: unanswerable .9 .4, answerable .1 .6 -> 3 of 4 pairs; of two refusals one is right
    # by confidence: right, wrong, right, wrong -> (0 + 1/2 + 1/3 + 2/4) / 4
    # answerable at .9 and .4, unanswerable at .6 and .1 -> (.1 + .6 + .6 + .1) / 4
    means = {name: figure.mean for name, figure in figures.items()}
    assert means == pytest.approx(
        {"auroc": 3 / 4, "precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "aurc": 1 / 3, "ece": 0.35}
    )


def test_figures_by_kind() -> None:
    kinds = evaluate.report_answers("tiny", four_outcomes()).by_kind
    assert list(kinds) == ["who", "when"]
    assert (kinds["who"]["served"].mean, kinds["who"]["served"].n) == (pytest.approx(2 / 3), 3)
    assert (kinds["when"]["served"].mean, kinds["when"]["refused"].mean) == (0.0, 1.0)
    assert (kinds["who"]["told"].mean, kinds["when"]["told"].mean) == (pytest.approx(1 / 3), 0.0)
    assert (kinds["who"]["contains_answer"].mean, kinds["who"]["contains_answer"].n) == (1.0, 1)


def test_the_answers_json_has_the_agreed_keys() -> None:
    report = evaluate.report_answers("tiny", four_outcomes()).to_json()
    parts = {
        "corpus",
        "n",
        "answerable",
        "refusal",
        "milliseconds",
        "by_kind",
        "risk_coverage",
        "reliability",
        "quote",
        "quote_reliability",
    }
    assert parts == set(report)
    shares = {"first_quote_on_evidence", "contains_answer", "exact_citations", "short_answer_f1"}
    assert shares | {"n"} <= set(report["answerable"])
    assert (report["n"], report["answerable"]["n"], report["refusal"]["n"]) == (4, 2, 4)
    for name in ("auroc", "precision", "recall", "aurc", "ece"):
        assert set(report["refusal"][name]) == {"mean", "low", "high"}
    assert len(report["risk_coverage"]) == 20
    assert report["reliability"][0] == {"confidence": 0.1, "share": 0.0, "n": 1}
    json.dumps(report, allow_nan=False)


def test_answers_to_nothing_give_a_report_without_figures() -> None:
    report = evaluate.report_answers("empty", [])
    json.dumps(report.to_json(), allow_nan=False)
    assert "n = 0" in report.to_text()


def test_a_question_the_chatbot_does_not_take_is_refused() -> None:
    outcome = evaluate.ask(FakeChatbot({}), Query("1", "x" * 9_999, ("Alpha",)))
    assert (outcome.status, outcome.confidence, outcome.exact) == ("not_found", 0.0, None)


@pytest.mark.parametrize(
    "change", [{"quote": "Alpha won in 1946."}, {"start": 1}, {"doc_sha256": "0" * 64}, {"doc_id": "x"}]
)
def test_a_citation_that_is_off_by_anything_is_not_exact(change: dict[str, Any]) -> None:
    citation = Citation(**{**vars(true_cite("Alpha won in 1945.")), **change})
    chatbot = FakeChatbot({"Who won?": ("answered", 0.9, [true_cite("Beta lost."), citation], "")})
    assert evaluate.ask(chatbot, Query("1", "Who won?")).exact is False


def test_the_worst_answers_are_those_whose_confidence_misled() -> None:
    worst = evaluate.worst_answered(four_outcomes(), 5)
    assert [(answer.question, answer.gold) for answer in worst] == [
        ("When did Alpha win?", "1945"),  # refused at .4, so off by .6
        ("Who drew?", "(unanswerable)"),  # answered at .6, as far off: file order
    ]


# The scripts --------------------------------------------------------------------------------


def test_the_retrieval_script_prints_json_alone(
    evaluate_retrieval: Callable[..., int], beir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_retrieval(beir, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["corpus"], report["documents"], report["n"]) == ("tiny", 3, 3)
    assert report["methods"]["bm25"]["Success@1"]["mean"] == 1.0


def test_the_trained_reader_may_rank_the_passages_too(
    open_script: Callable[[str], ModuleType],
    beir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = open_script("evaluate_retrieval")
    assert script.main([str(beir), "--rerank"]) == 2
    assert "weights are missing" in capsys.readouterr().err
    monkeypatch.setattr(script, "load_network_reader", CountingReader)
    assert script.main([str(beir), "--rerank", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["methods"]["reranked"]) == set(report["methods"]["ours"])
    assert "ours-reranked" in report["difference"]


def test_the_index_of_another_corpus_has_a_folder_of_its_own(
    evaluate_retrieval: Callable[..., int], beir: Path, tmp_path: Path
) -> None:
    evaluate_retrieval(beir)
    (folder,) = (tmp_path / "index" / "evaluations").iterdir()
    assert folder.name == f"tiny-{hashlib.sha256(str(beir.resolve()).encode()).hexdigest()[:8]}"
    assert sorted(path.name for path in beir.iterdir()) == ["corpus.jsonl", "qrels", "queries.jsonl"]


def test_the_projects_own_corpus_uses_the_index_of_the_chat() -> None:
    project = Path("/project")
    assert evaluate.evaluation_folder(project / "corpus", project) == project / "index"
    other = evaluate.evaluation_folder(project / "corpus", project, "another model")
    assert other.parent == project / "index" / "evaluations"


def test_a_limit_and_a_table(
    evaluate_retrieval: Callable[..., int], beir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_retrieval(beir, "--limit", 2, "--worst", 1) == 0
    table = capsys.readouterr().out
    assert "n = 2 questions" in table
    assert "ours-rrf" in table
    assert "gold   " in table


@pytest.mark.parametrize("option", ["--worst", "--limit"])
def test_fewer_than_no_questions_are_refused(
    evaluate_retrieval: Callable[..., int],
    evaluate_answers: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    option: str,
) -> None:
    for script in (evaluate_retrieval, evaluate_answers):
        with pytest.raises(SystemExit):
            script(option, "-3")
        assert f"argument {option}: invalid whole_number value: '-3'" in capsys.readouterr().err


def test_the_retrieval_script_writes_a_run_a_method(
    evaluate_retrieval: Callable[..., int], beir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each scored by ir_measures alone gives the figure of the report."""
    evaluate_retrieval(beir, "--json", "--run", tmp_path / "run.trec")
    report = json.loads(capsys.readouterr().out)
    qrels = {query_id: {doc_id: 1} for query_id, _, doc_id, _ in QUERIES if doc_id}
    for method, figures in report["methods"].items():
        run = ir_measures.read_trec_run(str(tmp_path / f"run.{method}.trec"))
        values = ir_measures.calc_aggregate(evaluate.MEASURES, qrels, run)
        assert {str(measure): value for measure, value in values.items()} == pytest.approx(
            {name: figure["mean"] for name, figure in figures.items()}
        )


def test_the_answers_script_prints_json_alone(
    evaluate_answers: Callable[..., int], beir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_answers(beir, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["corpus"], report["n"], report["answerable"]["n"]) == ("tiny", 4, 3)
    assert report["answerable"]["first_quote_on_evidence"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert report["answerable"]["exact_citations"]["mean"] == 1.0
    assert report["refusal"]["recall"]["mean"] == report["refusal"]["auroc"]["mean"] == 1.0
    assert report["by_kind"]["off_topic"]["refused"]["mean"] == 1.0
    assert report["risk_coverage"][-1] == [1.0, 0.25]


def test_what_the_trained_reader_adds_is_paired_over_the_answerable_questions(
    open_script: Callable[[str], ModuleType],
    beir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = open_script("evaluate_answers")
    monkeypatch.setattr(script, "load_network_reader", CountingReader)  # likes the worst passage best
    trained = {**PARAMETERS, "reader": {"network": 1.0}}
    monkeypatch.setattr(script, "load_parameters", lambda: {"trained": trained, "untrained": PARAMETERS})
    assert script.main([str(beir), "--reader-gain", "--json"]) == 0
    gain = json.loads(capsys.readouterr().out)["first_quote_on_evidence"]
    assert (gain["n"], gain["trained"]["mean"], gain["untrained"]["mean"]) == (3, 0.0, 1.0)
    assert (gain["difference"]["mean"], gain["difference"]["high"]) == (-1.0, -1.0)
    assert script.main([str(beir), "--reader-gain", "--limit", "2"]) == 0
    assert "trained" in capsys.readouterr().out.splitlines()[0]


def test_what_putting_words_right_adds_is_paired_over_the_same_errors(
    open_script: Callable[[str], ModuleType],
    beir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = open_script("evaluate_answers")
    monkeypatch.setattr(script, "load_network_reader", lambda: None)
    typed = {"squares": "sqaures?", "degrees": "degres?", "Moon": "Round the eearth?"}
    monkeypatch.setattr(
        evaluate, "mistype", lambda text, _: next(typed[word] for word in typed if word in text)
    )
    assert script.main([str(beir), "--typos", "--json"]) == 0
    gain = json.loads(capsys.readouterr().out)["first_quote_on_evidence"]
    assert (gain["n"], gain["put right"]["mean"]) == (3, 1.0)
    assert gain["as typed"]["mean"] < 1.0


@given(st.text(), st.randoms(use_true_random=False))
def test_a_typing_error_is_one_in_a_word_of_five_letters(text: str, dice: random.Random) -> None:
    typed = evaluate.mistype(text, dice)
    errors = EditDistance(DistanceAlgorithm.DAMERAU_OSA).compare(text, typed, 1)
    assert errors in (0, 1)  # two like letters exchanged are no error
    assert evaluate.mistype("Who was he?", dice) == "Who was he?"
    assert evaluate.mistype("who armed Japan", dice).startswith("who ")


def test_answers_to_some_questions_as_a_table(
    evaluate_answers: Callable[..., int], beir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_answers(beir, "--limit", 2, "--worst", 3) == 0
    table = capsys.readouterr().out
    assert "n = 2 questions" in table
    assert "first_quote_on_evidence" in table


def test_an_index_of_another_encoder_is_not_replaced(beir: Path, tmp_path: Path) -> None:
    other = HashEncoder()
    evaluate.bring_up_to_date(beir, tmp_path / "index", other)
    generation = (tmp_path / "index" / "CURRENT").read_text()
    changed = SimpleNamespace(identity={**other.identity, "name": "changed"})
    with pytest.raises(IndexMismatch, match="another encoder"):
        evaluate.bring_up_to_date(beir, tmp_path / "index", changed)
    assert (tmp_path / "index" / "CURRENT").read_text() == generation


@pytest.mark.parametrize("name", ["evaluate_retrieval", "evaluate_answers"])
def test_a_script_names_what_is_missing(
    name: str, open_script: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert open_script(name).main([str(tmp_path / "nowhere")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "nowhere" in err


def test_fitting_gives_each_corpus_an_index_of_its_own_also_where_folders_are_called_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = import_module("fit_answers")
    indexes: list[Path] = []
    monkeypatch.setattr(script, "load_network_reader", lambda _: None)
    monkeypatch.setattr(script, "load_encoder", lambda: None)
    monkeypatch.setattr(script, "build_index", lambda corpus, index, encoder: indexes.append(index))
    monkeypatch.setattr(script, "Chatbot", lambda index, *_: SimpleNamespace(folder=index))
    monkeypatch.setattr(script, "split_queries", lambda corpus, split: [])
    before = (script.ROOT / "chatbot" / "parameters.json").read_bytes()
    assert script.main([f"{tmp_path}/recipes/data:dev", f"{tmp_path}/minutes/data:dev"]) == 2
    assert len(set(indexes)) == 2
    assert "recipes/data:dev has no question whose evidence was found" in capsys.readouterr().err
    assert (script.ROOT / "chatbot" / "parameters.json").read_bytes() == before
