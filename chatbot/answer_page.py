"""The report on the answers as one page, in the style of the report on the search.

Every text that came from a document, a question or a path goes through `Markup.format`, which escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from chatbot.evaluate import (
    AnswerReport,
    Bin,
    Flags,
    Floats,
    Interval,
    Outcome,
    answerable_by_confidence,
    ece_by_chance,
    gold_text,
    most_misleading,
    quotes_by_confidence,
)
from chatbot.report import CASES, shorten
from chatbot.report_page import (
    COLOURS,
    draw_document,
    draw_figure,
    draw_means,
    draw_notice,
    draw_table,
    draw_understood,
    interval_cell,
    join,
    label_rows,
    new_figure,
    style_axes,
)
from chatbot.starting import GENERATED
from chatbot.writing import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHARES = {
    "first_quote_on_evidence": "The first quote lies on the evidence",
    "contains_answer": "The quotes contain the answer",
    "contains_answer_words": "… as whole words",
    "short_answer_f1": "Short answer, F1",
    "exact_citations": "Citations that are exact",
}
REFUSAL = {
    "precision": "Refusal: precision",
    "recall": "Refusal: recall",
    "f1": "Refusal: F1",
    "auroc": "Refusal: AUROC",
    "aurc": "Area under the risk–coverage curve",
    "ece": "Confidence that the documents answer: calibration error",
}
QUOTE = {
    "auroc": "Confidence of the first quote: AUROC",
    "ece": "Confidence of the first quote: calibration error",
    "sure": "First quotes called sure that are right",
    "likely": "First quotes called likely that are right",
    "unsure": "First quotes called unsure that are right",
}
BY_KIND = {
    "served": "served",
    "refused": "refused",
    "told": "answered, with names that are not mentioned",
    "first_quote_on_evidence": "first quote on evidence",
    "contains_answer": "contains answer",
    "short_answer_f1": "short answer, F1",
}
STATUSES = {
    "answered": "answered",
    "disagreement": "sources differ",
    "closest": "closest",
    "not_found": "not found",
}


def draw_answer_page(report: AnswerReport, outcomes: Sequence[Outcome], split: str) -> Markup:
    """`outcomes` are those that the report was made of."""
    body = [_draw_head(report, outcomes, split), _draw_all(report)]
    if outcomes:
        body += [
            _draw_kinds(report.by_kind),
            _draw_reliability(
                "quotes",
                "that the first quote answers",
                quotes_by_confidence(outcomes),
                report.quote_reliability,
                report.quote["ece"],
            ),
            _draw_reliability(
                "reliability",
                "that the documents answer",
                answerable_by_confidence(outcomes),
                report.reliability,
                report.refusal["ece"],
            ),
            _draw_risk(report, outcomes),
            _draw_latency(outcomes),
            _draw_worst(outcomes),
        ]
    return draw_document("Footnote: how far the answers can be trusted", body)


def _draw_head(report: AnswerReport, outcomes: Sequence[Outcome], split: str) -> Markup:
    return Markup(
        "<header><h1>How far the answers can be trusted</h1><p>{}: {} of the split {}, {:,} of them answerable."
        " Ranges are 95 % bootstrap intervals.</p></header>{}"
    ).format(
        report.corpus,
        count(report.n, "question"),
        split,
        report.answerable_n,
        draw_notice(any(outcome.query.kind == GENERATED for outcome in outcomes)),
    )


def _draw_all(report: AnswerReport) -> Markup:
    named = [
        *((label, report.answerable[name]) for name, label in SHARES.items()),
        *((label, report.refusal[name]) for name, label in REFUSAL.items()),
        *((label, report.quote[name]) for name, label in QUOTE.items()),
    ]
    rows = [(label, interval_cell(value) + _count_cell(value.n)) for label, value in named]
    return Markup(
        '<section id="figures"><h2>Figures</h2><p class="facts">Refusing a question that the documents answer'
        " counts as wrong. In the figures of refusal the unanswerable questions are the positives. Of the area"
        " and of the calibration error less is better.</p>{}</section>"
    ).format(draw_table(["mean", "n"], rows))


def _draw_kinds(kinds: Mapping[str, Mapping[str, Interval]]) -> Markup:
    if not kinds:
        return Markup("")
    rows = [
        (kind, join(interval_cell(figures[name]) for name in BY_KIND) + _count_cell(figures["served"].n))
        for kind, figures in kinds.items()
    ]
    caption = (
        "Left: the share served, which is answered rightly, or refused where nothing answers. Right: the share"
        " refused, rightly or not. In brackets the number of questions."
    )
    return Markup('<section id="kinds"><h2>Kinds of question</h2>{}{}</section>').format(
        draw_figure(_kinds(kinds), "kinds", "Share served and share refused by kind of question", caption),
        draw_table([*BY_KIND.values(), "n"], rows),
    )


def _count_cell(n: int) -> Markup:
    return Markup("<td>{:,}</td>").format(n)


def _draw_reliability(
    anchor: str, event: str, told: tuple[Floats, Flags], bins: Sequence[Bin], error: Interval
) -> Markup:
    """`told`: the probabilities of the event, and where it happened."""
    caption = (
        "Left: each dot is a group of like confidence, with its size; on the diagonal the confidence is the share that"
        f" is right. Expected calibration error {error}; by chance alone a perfect confidence would have"
        f" {ece_by_chance(told[0])}. Right: how the confidences are spread."
    )
    rows = [
        ("share", join(Markup("<td>{:.2f}</td>").format(part.share) for part in bins)),
        ("n", join(_count_cell(part.n) for part in bins)),
    ]
    figure = draw_figure(
        _reliability(bins, *told), anchor, f"Share by confidence {event}, and how it is spread", caption
    )
    table = draw_table([f"{part.confidence:.2f}" for part in bins], rows, "confidence")
    return Markup('<section id="{}"><h2>Confidence {}</h2>{}{}</section>').format(
        anchor, event, figure if bins else Markup("<p>Nothing was answered.</p>"), table if bins else ""
    )


def _draw_risk(report: AnswerReport, outcomes: Sequence[Outcome]) -> Markup:
    caption = (
        "Questions by confidence, the surest first: the share of wrong quotes among those covered. The area"
        f" under the curve is {report.refusal['aurc']}; less is better. The dot is where the chatbot refuses now."
    )
    return Markup('<section id="risk"><h2>Risk and coverage</h2>{}</section>').format(
        draw_figure(
            _risk(report.risk_coverage, outcomes),
            "risk",
            "Share of wrong quotes by share of questions",
            caption,
        )
    )


def _draw_latency(outcomes: Sequence[Outcome]) -> Markup:
    milliseconds = [outcome.milliseconds for outcome in outcomes]
    median, p95 = np.percentile(milliseconds, (50, 95)).tolist()
    caption = f"Milliseconds a question: median {median:,.0f}, 95th percentile {p95:,.0f}, longest {max(milliseconds):,.0f}."
    return Markup('<section id="latency"><h2>Latency</h2>{}</section>').format(
        draw_figure(
            _latency(milliseconds, (median, p95)),
            "latency",
            "Questions by milliseconds to the answer",
            caption,
        )
    )


def _draw_worst(outcomes: Sequence[Outcome]) -> Markup:
    wrong = sum(not outcome.served for outcome in outcomes)
    text = (
        f"{wrong:,} of {count(len(outcomes), 'question')} were not served; those whose confidence misled most"
        " come first."
        if wrong
        else "None: every question was served."
    )
    return Markup('<section id="worst"><h2>Worst answers</h2><p>{}</p>{}</section>').format(
        text, join(map(_draw_wrong, most_misleading(outcomes, CASES)))
    )


def _draw_wrong(outcome: Outcome) -> Markup:
    return Markup(
        '<article class="case"><h4>{}</h4>{}<p class="scores"><span class="score"><b>{}</b></span>'
        '<span class="score">confidence <b>{:.2f}</b></span></p><div class="sides">'
        '<div><h5>First quote</h5><blockquote class="other"><p>{}</p></blockquote></div>'
        '<div><h5>Gold</h5><blockquote class="relevant"><p>{}</p></blockquote></div></div></article>'
    ).format(
        outcome.query.text,
        draw_understood(outcome.query),
        STATUSES.get(outcome.status, outcome.status),
        outcome.confidence,
        shorten(outcome.first_quote) or "–",
        shorten(gold_text(outcome.query)),
    )


# Figures ------------------------------------------------------------------------------------


def _kinds(kinds: Mapping[str, Mapping[str, Interval]]) -> Figure:
    figure = new_figure(9.6, 0.9 + 0.36 * len(kinds))
    names = [f"{kind} ({figures['served'].n:,})" for kind, figures in kinds.items()]
    rows = np.arange(len(kinds), dtype=np.float64)
    for axes, name, colour in zip(figure.subplots(1, 2), ("served", "refused"), ("ours", "rrf"), strict=True):
        draw_means(axes, rows, [figures[name] for figures in kinds.values()], colour, 0.6)
        style_axes(axes, "x")
        label_rows(axes, names)
        axes.set_xlim(0, 1.13)
        axes.set_xticks(np.arange(0, 1.01, 0.2))
        _title(axes, name)
    figure.axes[1].tick_params(labelleft=False)
    return figure


def _reliability(bins: Sequence[Bin], probabilities: Floats, happened: Flags) -> Figure:
    figure = new_figure(9.6, 4.4)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=COLOURS["soft"], linewidth=1)
    confidence, share = [part.confidence for part in bins], [part.share for part in bins]
    left.plot(confidence, share, "o-", color=COLOURS["ours"], linewidth=1.2, markersize=7)
    for number, part in enumerate(bins):
        left.annotate(
            f"{part.n:,}", (part.confidence, part.share), (0, (8, -15)[number % 2]), ha="center",
            textcoords="offset points", fontsize=8, color=COLOURS["ink"],
        )  # fmt: skip
    style_axes(left, "both")
    left.set(xlim=(-0.04, 1.04), ylim=(-0.08, 1.08), aspect="equal")
    _label_axes(left, "confidence", "share that is right")
    right.hist(
        [probabilities[happened], probabilities[~happened]], bins=20, range=(0, 1), stacked=True,
        color=[COLOURS["ours"], COLOURS["dense"]], label=["right", "wrong"],
    )  # fmt: skip
    style_axes(right, "y")
    right.set_xlim(0, 1)
    right.locator_params(axis="y", integer=True)
    _label_axes(right, "confidence", "questions")
    right.legend(loc="upper left", frameon=False, labelcolor=COLOURS["ink"], fontsize=9)
    return figure


def _risk(curve: Sequence[tuple[float, float]], outcomes: Sequence[Outcome]) -> Figure:
    figure = new_figure(9.6, 3.8)
    axes = figure.subplots()
    coverage, risk = zip(*curve, strict=True)
    axes.fill_between(coverage, risk, color=COLOURS["ours"], alpha=0.18, linewidth=0)
    axes.plot(coverage, risk, color=COLOURS["ours"], linewidth=1.8)
    answered = [outcome for outcome in outcomes if not outcome.refused]
    if answered:
        wrong = sum(not outcome.right for outcome in answered) / len(answered)
        place = len(answered) / len(outcomes), wrong
        axes.plot(*place, "o", color=COLOURS["bad"], markersize=8)
        axes.annotate(
            f"answers {place[0]:.0%} of the questions, {wrong:.0%} of them wrongly", place, (-10, 8),
            textcoords="offset points", ha="right", fontsize=9, color=COLOURS["ink"],
        )  # fmt: skip
    style_axes(axes, "both")
    axes.set(xlim=(0, 1.01), ylim=(0, None))
    _label_axes(axes, "coverage: share of the questions that are answered", "risk")
    return figure


def _latency(milliseconds: Sequence[float], marks: Sequence[float]) -> Figure:
    figure = new_figure(9.6, 3.0)
    axes = figure.subplots()
    axes.hist(milliseconds, bins=40, color=COLOURS["ours"])
    for mark, name in zip(marks, ("median", "95 %"), strict=True):
        axes.axvline(mark, color=COLOURS["ink"], linewidth=1, linestyle="--")
        axes.annotate(
            name, (mark, 1), (4, -10), xycoords=("data", "axes fraction"), textcoords="offset points",
            fontsize=9, color=COLOURS["ink"],
        )  # fmt: skip
    style_axes(axes, "y")
    axes.set_xlim(0, None)
    axes.locator_params(axis="y", integer=True)
    _label_axes(axes, "milliseconds", "questions")
    return figure


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, color=COLOURS["ink"], fontsize=10, loc="left")


def _label_axes(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=COLOURS["ink"])
    axes.set_ylabel(y, color=COLOURS["ink"])
