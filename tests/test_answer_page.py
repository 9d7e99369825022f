"""The page of the report on the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from evaluating import HARMFUL, Page

from chatbot import evaluate
from chatbot.answer_page import draw_answer_page
from chatbot.corpus import Query
from chatbot.evaluate import Outcome
from chatbot.starting import FAVOURED, GENERATED

pytestmark = pytest.mark.usefixtures("fewer_resamples")

SECTIONS = ("figures", "kinds", "quotes", "reliability", "risk", "latency", "worst")


def outcome(confidence: float, *, answerable: bool = True, right: bool = True, kind: str = "why") -> Outcome:
    """Answered from a confidence of one half on."""
    return Outcome(
        query=Query(
            f"q{confidence}", f"How sure is {confidence}?", ("so",), answerable=answerable, kind=kind
        ),
        status="answered" if confidence >= 0.5 else "closest",
        confidence=confidence,
        first_quote=f"It is {confidence}.",
        on_evidence=right if answerable else None,
        contains_string=right,
        contains_words=right,
        short_f1=None,
        exact=True,
        right=answerable and right,
        milliseconds=100 * confidence,
        quote_confidence=confidence,
    )


OUTCOMES = (
    outcome(0.9),
    outcome(0.8, right=False),
    outcome(0.6, answerable=False, kind="off_topic"),
    outcome(0.2, answerable=False, kind="off_topic"),
    outcome(0.1),
)


def draw(outcomes: Sequence[Outcome], corpus: str = "tiny", split: str = "dev") -> tuple[str, Page]:
    html = str(draw_answer_page(evaluate.report_answers(corpus, outcomes), outcomes, split))
    return html, Page(html)


def section(html: str, name: str) -> str:
    return html[html.index(f'<section id="{name}"') :].partition("</section>")[0]


def test_the_page_is_whole_and_needs_no_other_file() -> None:
    html, page = draw(OUTCOMES)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert set(SECTIONS) <= set(page.ids)
    assert all(reference.startswith("#") for reference in page.references)
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert not re.search(r"url\((?!#)|@import|<script|<link|<img", html)
    assert re.findall(r"#[0-9a-f]{6}", "".join(re.findall(r"(?:fill|stroke): [^;\"]*", html))) == []


def test_the_figures_stand_where_they_belong() -> None:
    html, _ = draw(OUTCOMES)
    figures = " ".join(re.sub("<[^>]+>", " ", section(html, "figures")).split())
    # of .9, .8 and a refused .1
    assert "The first quote lies on the evidence 0.333 0.000 – 1.000 3" in figures
    # |.9 - 1| + |.8 - 1| + .6 + .2 + |.1 - 1|, a fifth each
    assert "Confidence that the documents answer: calibration error 0.400" in figures
    # answered: .9 right, .8 and .6 wrong; (.1 + .8 + .6) / 3
    assert "Confidence of the first quote: calibration error 0.500" in figures
    assert "First quotes called sure that are right 0.500 0.000 – 1.000 2" in figures
    assert "First quotes called likely that are right 0.000 0.000 – 0.000 1" in figures
    assert "First quotes called unsure that are right – 0" in figures
    assert "Expected calibration error 0.500 [" in section(html, "quotes")
    assert "Expected calibration error 0.400 [" in section(html, "reliability")
    assert "answers 60% of the questions, 67% of them wrongly" in section(html, "risk")
    assert "median 60, 95th percentile 88, longest 90" in section(html, "latency")
    assert "off_topic (2)" in section(html, "kinds")


def test_the_worst_answers_are_shown_with_quote_and_gold() -> None:
    html, _ = draw(OUTCOMES)
    worst = section(html, "worst")
    assert "3 of 5 questions were not served" in worst
    assert re.findall(r"<h4>(.*?)</h4>", worst) == [  # refused though .9 unsure, then answered at .8 and .6
        f"How sure is {confidence}?" for confidence in (0.1, 0.8, 0.6)
    ]
    assert "It is 0.8." in worst
    assert "(unanswerable)" in worst


def test_text_of_documents_questions_and_paths_cannot_become_markup() -> None:
    query = Query("q", HARMFUL, (HARMFUL,), kind=HARMFUL)
    harmful = replace(outcome(0.8, right=False), query=query, first_quote=HARMFUL, status=HARMFUL)
    html, page = draw([harmful, outcome(0.9)], HARMFUL, HARMFUL)
    assert "script" not in page.tags
    assert "<script" not in html
    assert page.open == []
    assert page.texts.count(HARMFUL) >= 4  # question, status, quote, gold


def test_no_questions_give_a_page_without_pictures() -> None:
    html, page = draw([])
    assert page.open == []
    assert "svg" not in page.tags
    assert not re.search(r"\bnan\b", html.lower())


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_one_question_is_drawn(confidence: float) -> None:
    _, page = draw([outcome(confidence)])
    assert page.open == []
    assert set(SECTIONS) <= set(page.ids)


def test_generated_questions_are_marked() -> None:
    note = FAVOURED.replace("'", "&#39;")
    assert note not in draw(OUTCOMES)[0]
    assert note in draw([*OUTCOMES, outcome(0.7, kind=GENERATED)])[0]


def test_the_script_writes_the_page(
    evaluate_answers: Callable[..., int], beir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_answers(beir, "--report", tmp_path / "answers.html") == 0
    assert "tiny: 4 questions of the split test, 3 of them answerable." in (
        tmp_path / "answers.html"
    ).read_text("utf-8")
    assert evaluate_answers(beir, "--report", tmp_path / "nowhere" / "answers.html") == 2
    assert "cannot be written" in capsys.readouterr().err
