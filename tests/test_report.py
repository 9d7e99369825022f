"""The report's page, its gates, the comparison of runs and the starting set of questions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FILES, HashEncoder, load_script
from hypothesis import given
from hypothesis import strategies as st

from chatbot import evaluate, report
from chatbot.corpus import (
    Document,
    Query,
    corpus_files,
    read_document,
    read_documents,
    read_qrels,
    read_queries,
)
from chatbot.errors import ChatbotError, CorpusError, CorpusMissing
from chatbot.report import Place, StartingQuestion, Threshold

ROOT = Path(__file__).parents[1]
QUESTIONS = (
    ("q1", "What is the Missouri?", "ships.md"),
    ("q2", "How long does an oak live?", "trees.md"),
    ("q3", "Which river forms a border?", "rivers.txt"),
)
HARMFUL = "<script>alert('$x_1$')</script> & \"more\""


def write_questions(folder: Path, questions: Sequence[tuple[str, str, str]], kind: str = "direct") -> None:
    lines = [{"_id": i, "text": text, "metadata": {"kind": kind}} for i, text, _ in questions]
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    (folder / "qrels").mkdir(exist_ok=True)
    qrels = folder / "qrels" / "test.tsv"
    head = "" if qrels.exists() else "query-id\tcorpus-id\tscore\n"
    with qrels.open("a", encoding="utf-8") as file:
        file.write(head + "".join(f"{i}\t{doc_id}\t1\n" for i, _, doc_id in questions))


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals stay what they are, only coarser."""
    monkeypatch.setattr(evaluate, "RESAMPLES", 500)


@pytest.fixture
def asked(make_corpus: Callable[..., Path]) -> Path:
    """FILES with three questions of people."""
    folder = make_corpus(FILES)
    write_questions(folder, QUESTIONS)
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The script, with a small encoder and a project folder of its own."""
    script = load_script("evaluate_retrieval")
    monkeypatch.setattr(script, "PROJECT", tmp_path)
    monkeypatch.setattr(script, "load_encoder", lambda model: HashEncoder())
    return lambda *argv: int(script.main([str(word) for word in argv]))


def measured_set(
    ours: Sequence[float], others: Sequence[float] = (), *, name: str = "s", generated: bool = False
) -> report.MeasuredSet:
    """A set with these values of every measure; dense, BM25 and RRF have the others'."""
    n, width = len(ours), len(evaluate.MEASURES)
    rows = {"dense": others or ours, "bm25": others or ours, "rrf": others or ours, "ours": ours}
    values = {
        method: np.repeat(np.array(row, np.float64)[:, None], width, 1).reshape(n, width)
        for method, row in rows.items()
    }
    names = [str(measure) for measure in evaluate.MEASURES]
    figures = evaluate.RetrievalReport(
        corpus=name,
        documents=1,
        passages=1,
        n=n,
        methods={m: dict(zip(names, evaluate.mean_intervals(v), strict=True)) for m, v in values.items()},
        difference={
            f"ours-{m}": dict(zip(names, evaluate.compare(values["ours"], values[m]), strict=True))
            for m in ("dense", "bm25", "rrf")
        },
        milliseconds=evaluate.summarise_milliseconds([1.0] * n),
    )
    ids = tuple(f"q{number}" for number in range(n))
    stages = dict.fromkeys(("encode", "dense", "lexical", "fuse"), (1.0, 3.0))
    return report.MeasuredSet(figures, "test", generated, ids, values, "hash", stages)


# The page -----------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would see: tags that are not closed, tags, ids, and what the page loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in {"meta"}:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src", "xlink:href"}:
                self.references.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def draw(*sets: report.MeasuredSet) -> tuple[str, Page]:
    html = str(report.draw_page(sets))
    return html, Page(html)


def test_the_page_is_whole_and_needs_no_other_file() -> None:
    html, page = draw(measured_set([0.2, 1.0], [0.5, 0.5]), measured_set([0.4], name="t"))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert all(reference.startswith("#") for reference in page.references)
    assert not re.search(r"url\((?!#)|@import|<script|<link|<img", html)


def test_figures_keep_their_text_and_take_the_pages_colours() -> None:
    html, page = draw(measured_set([0.2, 1.0], [0.5, 0.75]))
    svg = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert "0.600" in page.texts  # mean of ours
    assert "better 1 · equal 0 · worse 1" in page.texts
    assert "var(--ours)" in svg
    assert re.findall(r"#[0-9a-fA-F]{6}", re.sub(r'(href="|url\()#[^")]*', "", svg)) == []


def test_the_same_sets_give_the_same_page() -> None:
    measured = measured_set([0.2, 1.0], [0.5, 0.75])
    assert draw(measured)[0] == draw(measured)[0]


def test_text_of_documents_questions_and_paths_cannot_become_markup() -> None:
    excerpt = report.Excerpt(HARMFUL, HARMFUL, HARMFUL, 1, True)
    methods = ("dense", "bm25", "rrf", "ours")
    case = report.Case(
        Query("q", HARMFUL), dict.fromkeys(methods, 0.0), dict.fromkeys(methods), (excerpt,), (excerpt,)
    )
    sets = replace(measured_set([0.0], [1.0], name=HARMFUL), worse=(case,), encoder=HARMFUL, split=HARMFUL)
    html, page = draw(sets, sets)
    assert "script" not in page.tags
    assert "<script" not in html
    assert page.open == []
    assert HARMFUL in page.texts


def test_a_set_without_questions_or_with_undefined_figures_is_drawn() -> None:
    html, page = draw(replace(measured_set([]), stages={}))
    assert page.open == []
    assert "nan" not in html.lower().replace("nanum", "")


def test_generated_questions_are_marked_and_drawn_apart() -> None:
    html, _ = draw(measured_set([0.2]), measured_set([0.9], generated=True))
    human, generated = html.index('id="human"'), html.index('id="made"')
    assert human < generated
    overview = html[human:generated]
    assert "0.900" not in overview
    assert report.FAVOURED not in overview
    assert html.count(str(report.FAVOURED.replace("'", "&#39;"))) == 2  # above its figure and its table


def test_worse_questions_and_failures() -> None:
    # ours loses .4, wins, ties, fails with the others, loses .9 and fails
    found = measured_set([0.5, 1.0, 0.5, 0.0, 0.0], [0.9, 0.0, 0.5, 0.0, 0.9])
    assert report.worse_numbers(found) == [4, 0]
    assert report.failure_numbers(found) == [3, 4]


def test_the_script_writes_a_page_of_several_sets(
    run: Callable[..., int], asked: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    oaks: dict[str, str | bytes] = {
        f"oak{number}.txt": f"Oaks grow, number {number}." for number in range(12)
    }
    other = make_corpus({**FILES, **oaks}, "other")
    write_questions(other, [("q1", "Do oaks grow?", "ships.md")])
    page = tmp_path / "report.html"
    assert run(asked, other, "--report", page) == 0
    html = page.read_text(encoding="utf-8")
    assert "Do oaks grow?" in html
    assert "Oaks grow, number " in html  # found instead
    assert "The Missouri is a battleship." in html  # what should have been found
    assert "title: Ships" not in html  # front matter is no text of the document


def test_questions_of_people_and_of_a_program_are_two_sets(
    run: Callable[..., int], asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_questions(asked, [("g1", "Trees", "trees.md")], kind="generated")
    assert run(asked, "--json") == 0
    human, generated = json.loads(capsys.readouterr().out)
    assert (human["generated"], human["n"]) == (False, 3)
    assert (generated["generated"], generated["n"]) == (True, 1)
    assert run(asked) == 0
    assert capsys.readouterr().out.count(report.FAVOURED) == 1


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
    run: Callable[..., int], asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(asked, "--json", "--run", tmp_path / "r.trec")
    figures = json.loads(capsys.readouterr().out)
    a, b = tmp_path / "r.ours.trec", tmp_path / "r.bm25.trec"
    assert run(asked, "--compare", a, b, "--json") == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["difference"] == figures["difference"]["ours-bm25"]
    assert run(asked, "--compare", a, b) == 0
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


def test_a_page_that_cannot_be_written_is_refused_first(run: Callable[..., int], asked: Path) -> None:
    assert run(asked, "--report", asked / "nowhere" / "report.html") == 2
    assert not (asked.parent / "index").exists()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"corpus": "s", "methods": {"ours": {}}}'])
def test_a_baseline_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "before.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"before\.json"):
        report.read_baseline(path)


def test_the_script_fails_with_a_sentence(
    run: Callable[..., int], asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(asked, "--json") == 0
    before = json.loads(capsys.readouterr().out)
    path = tmp_path / "before.json"
    path.write_text(json.dumps(before), encoding="utf-8")
    assert run(asked, "--baseline", path, "--fail-below", "nDCG@10=0") == 0
    before["per_query"]["ours"]["nDCG@10"] = dict.fromkeys(before["per_query"]["ours"]["nDCG@10"], 1.5)
    path.write_text(json.dumps(before), encoding="utf-8")
    assert run(asked, "--baseline", path) == 1
    assert "significantly worse" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(asked, "--fail-below", "nDCG=1")


# A starting set of questions ----------------------------------------------------------------

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
        for question in report.make_questions(folder, n)
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
        "Is there a fee?": ("faq", ["No fee is due."]),
    }


@pytest.mark.parametrize(
    "sentence", ["It is a port.", "The city is a port.", "There was a port.", "One of them is a port."]
)
def test_a_sentence_that_points_back_defines_nothing(make_corpus: Callable[..., Path], sentence: str) -> None:
    with pytest.raises(CorpusMissing, match="nothing in"):
        made(make_corpus, {"port.txt": sentence})


@given(st.text("AQ:? \n.*#1is a bollard", max_size=200))
def test_evidence_is_a_span_of_its_document(text: str) -> None:
    for name in ("d.md", "d.txt"):
        for question in report._from_document(read_document(text, name)):
            assert question.text.strip()
            for piece in question.evidence:
                assert 0 <= piece.start < piece.end <= len(text)


def test_the_same_question_of_two_documents_has_both_as_relevant(make_corpus: Callable[..., Path]) -> None:
    files = {"a.txt": "A bollard is a post.", "b.txt": "A bollard is a thick post."}
    (question,) = report.make_questions(make_corpus(files), 9)
    assert question.documents == ("a.txt", "b.txt")
    assert len(question.evidence) == 2


def test_each_origin_gets_its_share(make_corpus: Callable[..., Path]) -> None:
    terms = ("bollard", "cleat", "fender", "winch", "keel", "mast")
    text = " ".join(f"A {term} is a part." for term in terms)
    chosen = made(make_corpus, {"parts.txt": text, "fishing.txt": ASKED_TEXT}, 4)
    assert sorted(origin for origin, _ in chosen.values()) == ["definition", "definition", "faq", "faq"]
    assert {"What is a bollard?", "What is a winch?"} <= set(chosen)  # spread, not the first two


def vote(question: str, thumb: str, doc: Document | None, quote: str = "", sha256: str = "") -> str:
    citations = []
    if doc:
        start = doc.text.index(quote)
        citations = [
            {
                "doc_id": doc.doc_id,
                "start": start,
                "end": start + len(quote),
                "doc_sha256": sha256 or doc.sha256,
            }
        ]
    answer = {"standalone_question": question, "short_answer": "yes", "citations": citations}
    return json.dumps({"question": "short?", "vote": thumb, "answer": answer}) + "\n"


def test_the_last_vote_on_an_answer_counts(make_corpus: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_corpus({"pier.txt": "Fish bite at noon."})
    (pier,) = (d for d in read_documents(folder, corpus_files(folder)) if isinstance(d, Document))
    votes = tmp_path / "feedback.jsonl"
    votes.write_text(
        vote("When?", "up", pier, "at noon")
        + vote("Where?", "up", pier, "Fish")
        + vote("Where?", "down", pier, "Fish")
        + vote("Gone?", "up", replace(pier, doc_id="gone.txt"), "Fish")
        + vote("Older?", "up", pier, "Fish", sha256="another")
        + vote("Nothing?", "up", None),
        encoding="utf-8",
    )
    questions = report.make_questions(folder, 9, votes)
    assert [(q.text, q.documents, len(q.evidence), q.answers) for q in questions] == [
        ("When?", ("pier.txt",), 1, ("yes",)),
        ("Older?", ("pier.txt",), 0, ("yes",)),  # its text changed, so the span is not known any more
    ]
    votes.write_text("{}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"feedback\.jsonl:1"):
        report.make_questions(folder, 9, votes)


def test_the_script_makes_questions_that_it_can_evaluate(
    run: Callable[..., int],
    make_corpus: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, apart = make_corpus({"boats.md": FAQ, "fishing.txt": ASKED_TEXT}), tmp_path / "apart"
    assert run(folder, "--make-questions", 5, apart) == 0
    queries = read_queries(apart)
    assert set(read_qrels(apart, "dev")) == set(queries)
    assert {query.kind for query in queries.values()} == {"generated"}
    assert all(query.evidence for query in queries.values())
    capsys.readouterr()
    assert run(folder, "--questions", apart, "--split", "dev", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["n"], figures["generated"]) == (len(queries), True)


def test_questions_are_never_overwritten(run: Callable[..., int], asked: Path) -> None:
    before = {path: path.read_bytes() for path in asked.rglob("*") if path.is_file()}
    assert run(asked, "--make-questions", 5, asked) == 2
    assert {path: path.read_bytes() for path in asked.rglob("*") if path.is_file()} == before


def test_questions_are_not_written_among_the_documents(asked: Path) -> None:
    question = StartingQuestion("Who?", "faq", ("ships.md",))
    with pytest.raises(CorpusError, match="read as documents"):
        report.write_questions([question], asked, asked / "questions")


@pytest.mark.parametrize("count", ["0", "-1", "many", "1.5"])
def test_a_count_that_is_none_is_refused(count: str) -> None:
    with pytest.raises(ChatbotError, match="whole number"):
        report.question_count(count)
