"""Sets of questions, the comparison of runs, and gates."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import HashEncoder
from evaluating import measured_set, write_questions

from chatbot import evaluate, report
from chatbot.corpus import Query
from chatbot.errors import CorpusError
from chatbot.report import Place, Threshold
from chatbot.starting import FAVOURED

pytestmark = pytest.mark.usefixtures("fewer_resamples")

# Sets ---------------------------------------------------------------------------------------


def test_worse_questions_and_failures() -> None:
    # ours loses .4, wins, ties, fails with the others, loses .9 and fails
    found = measured_set([0.5, 1.0, 0.5, 0.0, 0.0], [0.9, 0.0, 0.5, 0.0, 0.9])
    assert report.worse_numbers(found) == [4, 0]
    assert report.failure_numbers(found) == [3, 4]


def test_questions_of_people_and_of_a_program_are_two_sets(
    evaluate_retrieval: Callable[..., int], asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_questions(asked, [("g1", "Trees", "trees.md")], kind="generated")
    assert evaluate_retrieval(asked, "--json") == 0
    human, generated = json.loads(capsys.readouterr().out)
    assert (human["generated"], human["n"]) == (False, 3)
    assert (generated["generated"], generated["n"]) == (True, 1)
    assert evaluate_retrieval(asked) == 0
    assert capsys.readouterr().out.count(FAVOURED) == 1


def test_stages_are_timed_for_every_question(built: tuple[Path, Path], encoder: HashEncoder) -> None:
    index = report.PassageIndex.open(built[1], encoder)
    stages = report.time_stages(index, [Query("a", "What is the Amur?"), Query("b", "?")])
    assert list(stages) == ["encode", "dense", "lexical", "fuse"]
    assert all(len(times) == 2 and min(times) >= 0 for times in stages.values())


# Places and names ---------------------------------------------------------------------------


def test_a_place_is_a_folder_and_may_name_its_split(tmp_path: Path) -> None:
    assert Place.parse("a/b", "test") == Place(Path("a/b"), "test")
    assert Place.parse("a/b:dev", "test") == Place(Path("a/b"), "dev")
    assert Place.parse(r"C:\a", "test") == Place(Path(r"C:\a"), "test")
    (tmp_path / "x:dev").mkdir()
    assert Place.parse(str(tmp_path / "x:dev"), "test") == Place(tmp_path / "x:dev", "test")


def test_sets_of_one_name_are_told_apart() -> None:
    places = [Place(Path(text), "dev") for text in ("/a/x", "/b/x", "/c/y", "/d/z", "/d/z")]
    places[-1] = replace(places[-1], split="test")
    assert report.set_names(places) == ["a/x", "b/x", "y", "z:dev", "z:test"]


# Comparing two runs -------------------------------------------------------------------------


def trec(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line} tag\n" for line in lines), encoding="utf-8")
    return path


def compare(
    folder: Path, run_a: Sequence[str], run_b: Sequence[str], qrels: dict[str, dict[str, int]]
) -> report.Comparison:
    queries = [Query(query_id, f"{query_id}?") for query_id in qrels]
    a, b = trec(folder / "a.trec", *run_a), trec(folder / "b.trec", *run_b)
    return report.compare_runs(a, b, queries, qrels)


def test_two_runs_compared_by_hand(tmp_path: Path) -> None:
    # A: ranks 1, 1, 2; B: ranks 1, 2, 1. Rank 2 has nDCG 1/log2(3) = .6309
    found = compare(
        tmp_path,
        ["q1 Q0 d1 1 2", "q2 Q0 d1 1 2", "q3 Q0 x 1 2", "q3 Q0 d1 2 1"],
        ["q1 Q0 d1 1 2", "q2 Q0 x 1 2", "q2 Q0 d1 2 1", "q3 Q0 d1 1 2"],
        {query_id: {"d1": 1} for query_id in ("q1", "q2", "q3")},
    )
    assert found.balance == (1, 1, 1)
    assert found.worst(5) == [2]
    assert found.means[0][0].mean == pytest.approx((2 + 0.6309) / 3, abs=1e-4)
    assert found.differences[0].interval.mean == 0.0
    assert found.found[2] == (("x", "d1"), ("d1",))


def test_a_run_against_itself_never_differs(tmp_path: Path) -> None:
    lines = ["q1 Q0 x 1 2", "q1 Q0 d1 2 1"]
    found = compare(tmp_path, lines, lines, {"q1": {"d1": 1}})
    interval = found.differences[0].interval
    assert (interval.mean, interval.low, interval.high) == (0, 0, 0)
    assert found.balance == (0, 1, 0)


def test_a_query_in_one_run_counts_and_one_in_neither_does_not(tmp_path: Path) -> None:
    qrels = {query_id: {"d1": 1} for query_id in ("q1", "q2", "q3")}
    found = compare(tmp_path, ["q1 Q0 d1 1 1"], ["q2 Q0 d1 1 1"], qrels)
    assert (len(found.queries), found.left_out, found.balance) == (2, 1, (1, 0, 1))


def test_ids_with_white_space_survive_a_run_file(tmp_path: Path) -> None:
    run: evaluate.Run = {"q 1": {"d 1": 1.0}}
    (a,) = evaluate.write_runs(tmp_path / "r.trec", {"ours": run})
    found = report.compare_runs(a, a, [Query("q 1", "?")], {"q 1": {"d 1": 1}})
    assert found.means[0][0].mean == 1.0


def test_a_run_written_is_the_run_read(tmp_path: Path) -> None:
    run: evaluate.Run = {"q": {"b": 2.5, "a": -1.0}}
    (path,) = evaluate.write_runs(tmp_path / "r.trec", {"ours": run})
    assert evaluate.read_run(path) == run


@pytest.mark.parametrize("line", ["q1 Q0 d1 1", "q1 Q0 d1 1 high tag", "q1 Q0 d1 1 nan tag"])
def test_a_broken_run_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.trec"
    path.write_text(f"q1 Q0 d1 1 1 tag\n{line}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"a\.trec:2"):
        evaluate.read_run(path)


def test_runs_of_other_questions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="neither"):
        compare(tmp_path, ["z Q0 d 1 1"], ["z Q0 d 1 1"], {"q1": {"d1": 1}})


def test_the_script_compares_the_runs_that_it_wrote(
    evaluate_retrieval: Callable[..., int], asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate_retrieval(asked, "--json", "--run", tmp_path / "r.trec")
    figures = json.loads(capsys.readouterr().out)
    a, b = tmp_path / "r.ours.trec", tmp_path / "r.bm25.trec"
    assert evaluate_retrieval(asked, "--compare", a, b, "--json") == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["difference"] == figures["difference"]["ours-bm25"]
    assert evaluate_retrieval(asked, "--compare", a, b) == 0
    assert "nDCG@10: A is better on" in capsys.readouterr().out


# Gates --------------------------------------------------------------------------------------


def test_a_threshold_is_read_and_a_wrong_one_explained() -> None:
    assert Threshold.parse("ndcg@10=0.45") == Threshold("nDCG@10", 0.45)
    with pytest.raises(ValueError, match="there are nDCG@10, R@10"):
        Threshold.parse("nDCG@7=0.45")
    for text in ("nDCG@10", "nDCG@10=", "nDCG@10=45", "nDCG@10=nan"):
        with pytest.raises(ValueError, match="from 0 to 1"):
            Threshold.parse(text)


def test_only_figures_below_a_threshold_fail() -> None:
    sets = [measured_set([0.4, 0.6], name="half"), measured_set([], name="none")]
    assert report.below_thresholds(sets[:1], [Threshold("nDCG@10", 0.5)]) == []
    assert report.below_thresholds(sets, [Threshold("R@10", 0.51)]) == [
        "half: R@10 of ours is 0.5000, below 0.51.",
        "none: R@10 of ours has no questions.",
    ]


def baseline_of(folder: Path, *sets: report.MeasuredSet, per_query: bool = True) -> Path:
    objects = [measured.to_json() for measured in sets]
    if not per_query:
        for item in objects:
            del item["per_query"]
    path = folder / "before.json"
    path.write_text(json.dumps(objects if len(objects) > 1 else objects[0]), encoding="utf-8")
    return path


def worse(now: Sequence[report.MeasuredSet], path: Path) -> list[str]:
    return report.worse_than_baseline(now, report.read_baseline(path), path)


def test_a_set_is_no_worse_than_itself(tmp_path: Path) -> None:
    sets = [measured_set([0.3, 1 / 3, 0.9]), measured_set([0.1], name="t")]
    assert worse(sets, baseline_of(tmp_path, *sets)) == []
    assert worse(sets, baseline_of(tmp_path, *sets, per_query=False)) == []


def test_a_small_steady_loss_is_found_in_pairs_alone(tmp_path: Path) -> None:
    # .01 on each of 50 questions that range from 0 to 1: the means' intervals overlap widely
    before = np.linspace(0.01, 1, 50)
    was, now = measured_set(before.tolist()), measured_set((before - 0.01).tolist())
    (sentence,) = worse([now], baseline_of(tmp_path, was))
    assert "by 0.0100 [0.0100, 0.0100], on the same 50 questions" in sentence
    assert worse([now], baseline_of(tmp_path, was, per_query=False)) == []
    assert worse([was], baseline_of(tmp_path, now)) == []


def test_a_large_loss_is_found_without_pairs(tmp_path: Path) -> None:
    before = np.linspace(0.8, 1, 50)
    was, now = measured_set(before.tolist()), measured_set((before - 0.5).tolist())
    (sentence,) = worse([now], baseline_of(tmp_path, was, per_query=False))
    assert "unpaired" in sentence


def test_noise_is_not_a_loss(tmp_path: Path) -> None:
    was, now = measured_set([0.5, 0.6] * 20), measured_set([0.6, 0.5] * 19 + [0.5, 0.5])
    assert worse([now], baseline_of(tmp_path, was)) == []


def test_generated_questions_are_not_compared_with_those_of_people(tmp_path: Path) -> None:
    path = baseline_of(tmp_path, measured_set([0.9] * 9))
    with pytest.raises(CorpusError, match="holds none of these sets"):
        worse([measured_set([0.1] * 9, generated=True)], path)


def test_a_set_that_the_baseline_lacks_is_named(tmp_path: Path) -> None:
    sets = [measured_set([0.9]), measured_set([0.1], name="new")]
    baseline = report.read_baseline(baseline_of(tmp_path, sets[0]))
    assert report.not_in_baseline(sets, baseline) == ["new"]


def test_a_page_that_cannot_be_written_is_refused_first(
    evaluate_retrieval: Callable[..., int], asked: Path
) -> None:
    assert evaluate_retrieval(asked, "--report", asked / "nowhere" / "report.html") == 2
    assert not (asked.parent / "index").exists()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"corpus": "s", "methods": {"ours": {}}}'])
def test_a_baseline_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "before.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"before\.json"):
        report.read_baseline(path)


def test_the_script_fails_with_a_sentence(
    evaluate_retrieval: Callable[..., int], asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_retrieval(asked, "--json") == 0
    before = json.loads(capsys.readouterr().out)
    path = tmp_path / "before.json"
    path.write_text(json.dumps(before), encoding="utf-8")
    assert evaluate_retrieval(asked, "--baseline", path, "--fail-below", "nDCG@10=0") == 0
    before["per_query"]["ours"]["nDCG@10"] = dict.fromkeys(before["per_query"]["ours"]["nDCG@10"], 1.5)
    path.write_text(json.dumps(before), encoding="utf-8")
    assert evaluate_retrieval(asked, "--baseline", path) == 1
    assert "significantly worse" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        evaluate_retrieval(asked, "--fail-below", "nDCG=1")
