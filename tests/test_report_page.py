"""The page of the retrieval report."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import FILES
from evaluating import HARMFUL, Page, measured_set, write_questions

from chatbot import report, report_page
from chatbot.corpus import Query
from chatbot.starting import FAVOURED

pytestmark = pytest.mark.usefixtures("fewer_resamples")


def draw(*sets: report.MeasuredSet) -> tuple[str, Page]:
    html = str(report_page.draw_page(sets))
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
    assert FAVOURED not in overview
    assert html.count(str(FAVOURED.replace("'", "&#39;"))) == 2  # above its figure and its table


def test_the_script_writes_a_page_of_several_sets(
    evaluate_retrieval: Callable[..., int], asked: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    oaks: dict[str, str | bytes] = {
        f"oak{number}.txt": f"Oaks grow, number {number}." for number in range(12)
    }
    other = make_corpus({**FILES, **oaks}, "other")
    write_questions(other, [("q1", "Do oaks grow?", "ships.md")])
    page = tmp_path / "report.html"
    assert evaluate_retrieval(asked, other, "--report", page) == 0
    html = page.read_text(encoding="utf-8")
    assert "Do oaks grow?" in html
    assert "Oaks grow, number " in html  # found instead
    assert "The Missouri is a battleship." in html  # what should have been found
    assert "title: Ships" not in html  # front matter is no text of the document
