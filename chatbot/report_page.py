"""The evaluation report as one page.

Every text that came from a document, a question or a path goes through `Markup.format`, which
escapes it. Figures are SVG by matplotlib, its colours exchanged for the page's CSS variables.
"""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from chatbot import evaluate
from chatbot.corpus import Query
from chatbot.errors import ChatbotError
from chatbot.evaluate import MEASURES, OURS, RERANKED, Floats, Interval
from chatbot.report import (
    EQUAL,
    LABELS,
    MAIN,
    TIMED,
    Case,
    Excerpt,
    MeasuredSet,
    balance,
    failure_numbers,
    signed,
    worse_numbers,
)
from chatbot.starting import FAVOURED
from chatbot.writing import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure


def require_page(path: Path) -> None:
    """Raises ChatbotError where the page could not be drawn or written, before anything is measured."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ChatbotError(
            "--report draws with matplotlib, which is missing;"
            " pip install -c scripts/constraints.txt matplotlib"
        )
    if path.is_dir() or not path.parent.is_dir():
        raise ChatbotError(f"{path} cannot be written; name a file in a folder that exists with --report")


def write_page(path: Path, page: Markup) -> None:
    try:
        path.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")
    except OSError as error:
        raise ChatbotError(
            f"{path} cannot be written ({error.strerror or error}); name another --report"
        ) from error


def draw_document(title: str, body: Iterable[Markup]) -> Markup:
    """An HTML file that needs no other."""
    return _PAGE.format(title=title, style=Markup(_STYLE), body=join(body))


def draw_page(sets: Sequence[MeasuredSet]) -> Markup:
    human = [measured for measured in sets if not measured.generated]
    generated = [measured for measured in sets if measured.generated]
    anchors = {id(measured): f"set-{number}" for number, measured in enumerate(sets, 1)}
    body = [_draw_head(sets)]
    if len(sets) > 1:
        body.append(_draw_contents(sets, anchors))
    if human:
        body.append(_draw_overview("Ranking", human, "human"))
    if generated:
        body.append(_draw_overview("Ranking of generated questions", generated, "made"))
    body += [_draw_set(measured, anchors[id(measured)]) for measured in [*human, *generated]]
    body.append(_draw_latency(sets))
    return draw_document("Footnote: how well the search finds", body)


def join(parts: Iterable[Markup]) -> Markup:
    return Markup("\n").join(parts)


def _draw_head(sets: Sequence[MeasuredSet]) -> Markup:
    encoders = ", ".join(dict.fromkeys(measured.encoder for measured in sets))
    total = sum(len(measured.query_ids) for measured in sets)
    return Markup(
        "<header><h1>How well the search finds</h1>"
        "<p>{} in {}; encoder {}. Ranges are 95 % bootstrap intervals;"
        " differences are paired, on the same questions. A document scores as its best passage.</p></header>"
    ).format(count(total, "question"), count(len(sets), "set"), encoders)


def _draw_contents(sets: Sequence[MeasuredSet], anchors: Mapping[int, str]) -> Markup:
    entry = Markup('<li><a href="#{}">{}</a></li>')
    entries = [entry.format(anchors[id(measured)], measured.label) for measured in sets]
    entries.append(entry.format("latency", "Latency"))
    return Markup('<nav aria-label="Sets"><ul>{}</ul></nav>').format(join(entries))


def _draw_overview(title: str, sets: Sequence[MeasuredSet], anchor: str) -> Markup:
    note = draw_notice(anchor == "made")
    caption = (
        f"Left: mean {MAIN} of each method. Right: ours minus each of the others; an interval that"
        " does not touch the line is a difference beyond chance."
    )
    return Markup('<section id="{}"><h2>{}</h2>{}{}</section>').format(
        anchor, title, note, draw_figure(_bars(sets), anchor, f"{title}: {MAIN} by set and method", caption)
    )


def draw_notice(generated: bool) -> Markup:
    """Above every figure of questions that a program made."""
    return Markup('<p class="notice">{}</p>').format(FAVOURED) if generated else Markup("")


def _draw_set(measured: MeasuredSet, anchor: str) -> Markup:
    figures = measured.figures
    note = draw_notice(measured.generated)
    facts = ", ".join(
        [
            count(figures.documents, "document"),
            count(figures.passages, "passage"),
            f"{count(figures.n, 'question')} of the split {measured.split}",
        ]
    )
    scatter = (
        draw_figure(
            _scatter(measured),
            anchor,
            f"{MAIN} of every question of {measured.label}: ours against BM25 and against dense",
            f"Every question of {measured.label}: above the diagonal ours is better. The larger a dot,"
            " the more questions it stands for.",
        )
        if figures.n
        else Markup("")
    )
    return Markup(
        '<section id="{}" class="set"><h2>{}</h2><p class="facts">{}</p>{}{}{}{}{}</section>'
    ).format(
        anchor, measured.label, facts, note, _draw_figures(measured), scatter, _draw_worse(measured),
        _draw_failures(measured),
    )  # fmt: skip


def _draw_figures(measured: MeasuredSet) -> Markup:
    methods, pairs = measured.figures.methods, measured.figures.difference
    head = [LABELS.get(method, method) for method in methods] + [_pair_label(pair) for pair in pairs]
    rows = []
    for measure in map(str, MEASURES):
        means = [methods[method][measure].mean for method in methods]
        best = max(means) if max(means) > min(means) + EQUAL else 2.0  # none where all are equal
        cells = [
            interval_cell(methods[method][measure], methods[method][measure].mean >= best - EQUAL)
            for method in methods
        ]
        cells += [_difference_cell(pairs[pair][measure].interval) for pair in pairs]
        rows.append((measure, join(cells)))
    return draw_table(head, rows)


def draw_table(head: Iterable[str], rows: Iterable[tuple[str, Markup]], corner: str = "") -> Markup:
    """Each row has a name and its cells; `corner` says what the head holds."""
    return Markup(
        '<div class="wide"><table><thead><tr><td>{}</td>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(
        corner,
        join(Markup('<th scope="col">{}</th>').format(name) for name in head),
        join(Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, cells) for name, cells in rows),
    )


def _pair_label(pair: str) -> str:
    return " − ".join(LABELS.get(method, method) for method in pair.split("-"))


def interval_cell(interval: Interval, best: bool = False) -> Markup:
    if np.isnan(interval.mean):
        return Markup("<td>–</td>")
    kind = Markup(' class="best"') if best else Markup("")
    return Markup("<td{}>{:.3f}<small>{:.3f} – {:.3f}</small></td>").format(
        kind, interval.mean, interval.low, interval.high
    )


def _difference_cell(interval: Interval) -> Markup:
    if np.isnan(interval.mean):
        return Markup("<td>–</td>")
    kind = "up" if interval.low > 0 else "down" if interval.high < 0 else "even"
    numbers = map(signed, (interval.mean, interval.low, interval.high))
    return Markup('<td class="{}">{}<small>{} to {}</small></td>').format(kind, *numbers)


def _draw_worse(measured: MeasuredSet) -> Markup:
    worse = len(worse_numbers(measured))
    if not worse:
        return Markup("<h3>Questions that got worse</h3><p>None: ours is nowhere below dense or BM25.</p>")
    text = (
        f"On {worse:,} of {count(measured.figures.n, 'question')} ours is below the better of dense and BM25"
        f"{_shown(len(measured.worse), worse, 'greatest loss first')}."
    )
    return Markup("<h3>Questions that got worse</h3><p>{}</p>{}").format(
        text, join(map(_draw_case, measured.worse))
    )


def _draw_failures(measured: MeasuredSet) -> Markup:
    failures = set(failure_numbers(measured))
    if not failures:
        return Markup(
            "<h3>Failures</h3><p>None: every question has a relevant document in the first ten.</p>"
        )
    above = len(failures & set(worse_numbers(measured)[: len(measured.worse)]))
    repeated = f"; {above:,} of them are shown above" if above else ""
    text = (
        f"{len(failures):,} of {count(measured.figures.n, 'question')} have no relevant document among the"
        f" first ten of ours{repeated}{_shown(len(measured.failures), len(failures) - above, 'in file order')}."
    )
    return Markup("<h3>Failures</h3><p>{}</p>{}").format(text, join(map(_draw_case, measured.failures)))


def _shown(shown: int, of: int, order: str) -> str:
    return f"; {shown:,} are shown, {order}" if 0 < shown < of else f", {order}" if shown > 1 else ""


def _draw_case(case: Case) -> Markup:
    scores = Markup(" ").join(
        Markup('<span class="score {}"><b>{}</b> {:.2f}<small>{}</small></span>').format(
            method, LABELS.get(method, method), case.scores[method], _rank_text(case.ranks[method])
        )
        for method in case.scores
    )
    return Markup(
        '<article class="case"><h4>{}</h4>{}<p class="scores">{}</p><div class="sides">'
        "<div><h5>Relevant, with the rank in ours</h5>{}</div><div><h5>Found first by ours</h5>{}</div></div></article>"
    ).format(
        case.query.text,
        draw_understood(case.query),
        scores,
        _draw_excerpts(case.relevant),
        _draw_excerpts(case.found),
    )


def draw_understood(query: Query) -> Markup:
    """What a follow-up was searched as."""
    searched = evaluate.standalone_text(query)
    if searched == query.text:
        return Markup("")
    return Markup('<p class="understood">searched as: {}</p>').format(searched)


def _rank_text(rank: int | None) -> str:
    return f"rank {rank}" if rank else "not found"  # among RUN_DEPTH documents


def _draw_excerpts(excerpts: Sequence[Excerpt]) -> Markup:
    if not excerpts:
        return Markup("<p>–</p>")
    return join(
        Markup('<blockquote class="{}"><cite>{}{}<small>{}</small></cite><p>{}</p></blockquote>').format(
            "relevant" if excerpt.relevant else "other",
            f"{excerpt.rank}. " if excerpt.rank else "",
            excerpt.title or excerpt.doc_id,
            excerpt.doc_id if excerpt.title else "",
            excerpt.text,
        )
        for excerpt in excerpts
    )


def _draw_latency(sets: Sequence[MeasuredSet]) -> Markup:
    timed = [measured for measured in sets if any(measured.stages.values())]
    if not timed:
        return Markup("")
    stages = list(timed[0].stages)
    rows = [
        (
            measured.label,
            join(_latency_cell(measured.stages[stage]) for stage in stages)
            + Markup("<td>{:,}</td>").format(measured.figures.passages),
        )
        for measured in timed
    ]
    caption = (
        "Median milliseconds of each stage: encoding the question, search by meaning with the best"
        " sentence, search by words (BM25), fusion with fetching ten passages."
    )
    return Markup(
        '<section id="latency"><h2>Latency</h2>{}{}<p class="facts">Milliseconds a question: median, and below'
        " it the 95th percentile, of up to {} questions of each set.</p></section>"
    ).format(
        draw_figure(_latency(timed), "latency", "Median milliseconds by stage and set", caption),
        draw_table([*stages, "passages"], rows), TIMED,
    )  # fmt: skip


def _latency_cell(milliseconds: Sequence[float]) -> Markup:
    median, p95 = np.percentile(milliseconds, (50, 95)).tolist()
    return Markup("<td>{:.1f}<small>{:.1f}</small></td>").format(median, p95)


# Figures ------------------------------------------------------------------------------------

# A colour that nothing else has stands for each variable until the SVG is written.
_VARIABLES = ("ink", "soft", "line", "sheet", "good", "bad", "dense", "bm25", "rrf", OURS, RERANKED)
COLOURS = {name: f"#0a0b{number:02x}" for number, name in enumerate(_VARIABLES, 1)}
_STAGE_COLOURS = {"encode": "rrf", "dense": "dense", "lexical": "bm25", "fuse": OURS}


def draw_figure(figure: Figure, prefix: str, label: str, caption: str) -> Markup:
    return Markup(
        '<figure><div role="img" aria-label="{}">{}</div><figcaption>{}</figcaption></figure>'
    ).format(label, Markup(_svg(figure, prefix)), caption)


def _svg(figure: Figure, prefix: str) -> str:
    """The figure with text as text, the page's colours and fonts, and ids that begin with `prefix`."""
    from matplotlib import rc_context

    target = io.StringIO()
    unknown = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}):
        figure.savefig(target, format="svg", transparent=True, metadata=unknown)
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    svg = re.sub(r"font: ((?:\w+ )*?[\d.]+px) [^;\"]*", r"font: \1 var(--sans)", svg)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    return re.sub(r'(url\(|href=")#', rf"\1#{prefix}-", svg)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def style_axes(axes: Axes, grid: str) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=COLOURS["line"], linewidth=0.7)  # type: ignore[arg-type]  # "x", "y" or "both"
    axes.tick_params(length=0, colors=COLOURS["soft"], labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(COLOURS["line"])


def label_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)))
    for tick, name in zip(axes.set_yticklabels(names), names, strict=True):
        tick.set(parse_math=False, color=COLOURS["ink"])
        tick.set_text(name if len(name) <= 28 else name[:27] + "…")
    axes.set_ylim(len(names) - 0.5, -0.5)


def _bars(sets: Sequence[MeasuredSet]) -> Figure:
    """Means with intervals on the left, differences to ours with theirs on the right."""
    figure = new_figure(9.6, 0.9 + 0.95 * len(sets))
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    methods = list(sets[0].values)
    slot = 0.8 / len(methods)
    for number, method in enumerate(methods):
        offset = (number - (len(methods) - 1) / 2) * slot
        rows = np.arange(len(sets), dtype=np.float64) + offset
        means = [measured.figures.methods[method][MAIN] for measured in sets]
        draw_means(left, rows, means, method, slot * 0.86, bold=method == OURS).set_label(
            LABELS.get(method, method)
        )
        if method != OURS:
            differences = [
                measured.figures.difference[f"{OURS}-{method}"][MAIN].interval for measured in sets
            ]
            _draw_differences(right, rows, differences, method)
    names = [f"{measured.label} ({measured.figures.n:,})" for measured in sets]
    for axes in (left, right):
        style_axes(axes, "x")
        label_rows(axes, names)
    left.set_xlim(0, 1.13)
    left.set_xticks(np.arange(0, 1.01, 0.2))
    right.tick_params(labelleft=False)
    right.locator_params(axis="x", nbins=5)
    right.axvline(0, color=COLOURS["soft"], linewidth=1)
    left.set_title(f"{MAIN}", color=COLOURS["ink"], fontsize=10, loc="left")
    right.set_title("ours minus the other", color=COLOURS["ink"], fontsize=10, loc="left")
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=len(methods), frameon=False,
        labelcolor=COLOURS["ink"], fontsize=9,
    )  # fmt: skip
    return figure


def draw_means(
    axes: Axes, rows: Floats, intervals: Sequence[Interval], colour: str, height: float, *, bold: bool = False
) -> BarContainer:
    """Bars with their intervals and figures; `height` in rows."""
    means, errors = error_bars(intervals)
    bars = axes.barh(rows, means, height, color=COLOURS[colour])
    axes.errorbar(
        means, rows, xerr=errors, fmt="none", color=COLOURS["ink"], elinewidth=1, capsize=2, capthick=1
    )
    for row, mean, high in zip(rows, means, errors[1], strict=True):
        axes.text(
            mean + high + 0.012, row, f"{mean:.3f}", va="center", fontsize=8, color=COLOURS["ink"],
            fontweight="bold" if bold else "normal",
        )  # fmt: skip
    return bars


def _draw_differences(axes: Axes, rows: Floats, intervals: Sequence[Interval], method: str) -> None:
    means, errors = error_bars(intervals)
    axes.errorbar(
        means, rows, xerr=errors, fmt="o", color=COLOURS[method], ecolor=COLOURS[method], markersize=5,
        elinewidth=2, capsize=0,
    )  # fmt: skip


def error_bars(intervals: Sequence[Interval]) -> tuple[Floats, Floats]:
    """(n,) means and (2, n) how far the interval reaches to each side; 0 where undefined."""
    figures = np.nan_to_num(np.array([(i.mean, i.low, i.high) for i in intervals], np.float64))
    means, low, high = figures.T
    return means, np.maximum(0, np.stack([means - low, high - means]))


def _scatter(measured: MeasuredSet) -> Figure:
    figure = new_figure(9.6, 4.7)
    ours = measured.main(OURS)
    for axes, other in zip(figure.subplots(1, 2), ("bm25", "dense"), strict=True):
        others = measured.main(other)
        points, counts = np.unique(np.stack([others, ours], 1).round(3), axis=0, return_counts=True)
        change = points[:, 1] - points[:, 0]
        colours = [COLOURS["good" if c > 0 else "bad" if c < 0 else "soft"] for c in change]
        axes.plot([0, 1], [0, 1], color=COLOURS["soft"], linewidth=1, zorder=1)
        axes.scatter(
            points[:, 0], points[:, 1], s=_areas(counts), c=colours, alpha=0.6, linewidths=0, clip_on=False,
            zorder=2,
        )  # fmt: skip
        style_axes(axes, "both")
        axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal")
        axes.set_xlabel(f"{LABELS[other]}, {MAIN}", color=COLOURS["ink"])
        axes.set_ylabel(f"ours, {MAIN}", color=COLOURS["ink"])
        wins, ties, losses = balance(ours, others)
        axes.set_title(
            f"better {wins:,} · equal {ties:,} · worse {losses:,}",
            color=COLOURS["ink"],
            fontsize=10,
            loc="left",
        )
    return figure


def _areas(counts: Iterable[int]) -> list[float]:
    """Square points; the area grows with the count up to a largest dot."""
    return [min(16.0 * number, 700.0) for number in counts]


def _latency(sets: Sequence[MeasuredSet]) -> Figure:
    figure = new_figure(9.6, 0.9 + 0.42 * len(sets))
    axes = figure.subplots()
    rows = np.arange(len(sets))
    done = np.zeros(len(sets))
    for stage in sets[0].stages:
        medians = np.array([np.median(measured.stages[stage]) for measured in sets])
        axes.barh(rows, medians, 0.55, left=done, color=COLOURS[_STAGE_COLOURS[stage]], label=stage)
        done += medians
    style_axes(axes, "x")
    label_rows(axes, [measured.label for measured in sets])
    axes.set_xlabel("milliseconds", color=COLOURS["soft"])
    figure.legend(
        loc="outside lower center", ncols=len(sets[0].stages), frameon=False, labelcolor=COLOURS["ink"],
        fontsize=9,
    )  # fmt: skip
    return figure


_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
""")

_STYLE = """
:root {
  color-scheme: light dark;
  --ground: light-dark(#f4f2ee, #141619); --sheet: light-dark(#ffffff, #1c1f23);
  --tint: light-dark(#f6f4f0, #25292e); --line: light-dark(#e2ded6, #343940);
  --ink: light-dark(#1f2226, #e8e6e1); --soft: light-dark(#5c6067, #a5a9b0);
  --good: light-dark(#2c6a45, #8fcfa6); --bad: light-dark(#a02c2c, #f0a0a0);
  --warn: light-dark(#7a4e06, #e6bd72); --mark: light-dark(#fff6da, #3a2f12);
  --ours: light-dark(#24567f, #93c0ea); --dense: light-dark(#c47a3d, #d9975f);
  --bm25: light-dark(#7d9a4e, #9cb86b); --rrf: light-dark(#a3a6ad, #7b8089); --reranked: light-dark(#8a5fa8, #b08fce);
  --sans: -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", system-ui, sans-serif;
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem;
  background: var(--ground); color: var(--ink); font: 1rem/1.5 var(--sans);
}
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.35rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 2rem 0 .3rem; }
h4 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
h5 { font-size: .75rem; margin: 0 0 .4rem; color: var(--soft); text-transform: uppercase; letter-spacing: .05em; }
header p, .facts, figcaption, .understood { color: var(--soft); margin: .2rem 0 1rem; max-width: 48rem; }
a { color: var(--ours); }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; list-style: none; margin: 1rem 0 0; padding: 0; }
section {
  background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem;
  padding: 1.4rem 1.5rem; margin-top: 1.25rem;
}
figure { margin: 1rem 0; }
figure > div { overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 38rem; height: auto; }
figcaption { font-size: .85rem; margin: .5rem 0 0; }
.notice {
  border-left: .25rem solid var(--warn); background: var(--mark); padding: .6rem .9rem; margin: .6rem 0;
}
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; } th[scope=row], thead td { text-align: left; }
th[scope=row] { white-space: normal; min-width: 7rem; }
td small { display: block; color: var(--soft); font-size: .75rem; }
td.best { font-weight: 700; } td.best small { font-weight: 400; }
td.up { color: var(--good); } td.down { color: var(--bad); } td.even { color: var(--soft); }
.case { border-top: 1px solid var(--line); padding: .9rem 0; }
.scores { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .25rem 0 .7rem; font-size: .85rem; }
.score { border-left: .25rem solid var(--line); padding-left: .45rem; font-variant-numeric: tabular-nums; }
.score small { color: var(--soft); margin-left: .4rem; }
.score.ours { border-color: var(--ours); } .score.dense { border-color: var(--dense); }
.score.bm25 { border-color: var(--bm25); } .score.rrf { border-color: var(--rrf); } .score.reranked { border-color: var(--reranked); }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: .5rem 1.5rem; }
.sides > div { min-width: 0; }
blockquote { margin: 0 0 .6rem; padding-left: .7rem; border-left: .2rem solid var(--line); font-size: .875rem; }
blockquote.relevant { border-color: var(--good); }
.sides > div + div blockquote.relevant cite small::after { content: " · relevant"; color: var(--good); }
blockquote p { margin: .1rem 0 0; overflow-wrap: anywhere; }
cite { font-style: normal; font-weight: 600; overflow-wrap: anywhere; }
cite small { display: block; font-weight: 400; color: var(--soft); }
@media print {
  figure svg { min-width: 0; }
  .wide, figure > div { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding: .2rem .3rem; } td small { font-size: 6.5pt; }
  :root { color-scheme: light; --ground: #fff; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  section { border: 0; padding: 0; } nav { display: none; }
  .set { break-before: page; }
  figure, .case, tr, blockquote { break-inside: avoid; }
  h2, h3, h4, h5 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
