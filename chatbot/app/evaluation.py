"""The view in which the search and the answers are measured on the corpus' own questions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from chatbot.answer_page import QUOTE, REFUSAL, SHARES
from chatbot.app.parts import QUIET, event_data, html_part
from chatbot.app.text import name_time
from chatbot.collection import Collection
from chatbot.errors import ChatbotError
from chatbot.evaluate import Difference, Interval
from chatbot.measuring import (
    DRAWN,
    MOST_QUESTIONS,
    STARTING_SET,
    STOPPED,
    Evaluations,
    Split,
    State,
    make_starting_set,
    splits,
)
from chatbot.report import LABELS, signed
from chatbot.result import USUAL_LIMIT, AnswerFigures, Ranking, Result, Settings
from chatbot.review import USUAL_SPLIT
from chatbot.starting import FAVOURED
from chatbot.writing import count, sendable


def add_evaluation(collections: Mapping[str, Collection], current: gr.State, top: gr.HTML) -> None:
    """One evaluation at a time, for all visitors; who comes later sees it run."""
    evaluations = Evaluations({name: one.last_evaluation for name, one in collections.items()})

    def act(event: gr.EventData, name: str) -> tuple[Any, str, str]:
        return answer_click(evaluations, collections[name], event_data(event))

    def look(name: str) -> str:
        return draw_progress(evaluations, name, collections[name].live_index.generation)

    def show(name: str) -> str:
        return draw_report(evaluations.state(name).result)

    with gr.Column(elem_id="evaluation-view", elem_classes=["pane"]):
        settings, state = html_part("", "evaluation"), html_part("", "evaluation-state")
        said, page = html_part("", "evaluation-said"), html_part("", "evaluation-page")
    settings.select(act, current, [settings, state, said], trigger_mode="multiple", **QUIET)
    settings.input(look, current, state, **QUIET)
    state.select(show, current, page, **QUIET)


def answer_click(
    evaluations: Evaluations, collection: Collection, data: Mapping[str, Any]
) -> tuple[Any, str, str]:
    """The settings, the state, and what is to be said of a click."""
    name, problem, said = collection.name, "", ""
    settings: Any = gr.skip()
    try:
        match data.get("do"):
            case "start":
                evaluations.start(name, collection.corpus, collection.chatbot, read_settings(data))
                said = "The evaluation runs."
            case "stop":
                evaluations.stop()
                said = "Stopping."
            case "make":
                made = make_starting_set(collection.corpus, collection.feedback)
                said = f"{count(made, 'question')} made, in the split dev."
                settings = draw_settings(collection)
            case _:
                settings = draw_settings(collection)
    except (ChatbotError, OSError, ValueError) as error:
        problem = str(error)
    request = str(data.get("request") or "")
    answer = Markup('<p data-request="{}" data-kind="{}">{}</p>').format(
        request, "problem" if problem else "done", problem or said
    )
    came = data.get("do") == "show" and data.get("watched") is not True
    drawn = draw_progress(evaluations, name, collection.live_index.generation, came=came)
    return settings, drawn, sendable(str(answer))


def read_settings(data: Mapping[str, Any]) -> Settings:
    """What the form sent, of which nothing is trusted."""
    split, limit = data.get("split"), data.get("limit")
    if not isinstance(split, str) or not split or "/" in split or "\\" in split or split.startswith("."):
        raise ValueError("choose a split")
    if limit in ("", None):
        return Settings(split, None, bool(data.get("answers")))
    if not str(limit).isdecimal() or not 1 <= int(str(limit)[:9]) <= MOST_QUESTIONS:
        raise ValueError("the number of questions is a whole number above 0, or empty for all")
    return Settings(split, int(str(limit)), bool(data.get("answers")))


# The settings -------------------------------------------------------------------------------


def draw_settings(collection: Collection) -> str:
    try:
        known = splits(collection.corpus)
    except (ChatbotError, OSError, UnicodeError) as error:
        body = Markup('<p class="form-problem">{}</p>').format(f"The questions cannot be read: {error}")
    else:
        body = draw_form(known) if known else draw_no_questions()
    return sendable(
        str(
            Markup(
                '<section class="sheet asked-with" aria-label="Evaluation"><header><h2>Evaluate</h2>'
                '<p class="lead">How well does the search find what answers the questions of this collection?</p>'
                "</header>{}</section>"
            ).format(body)
        )
    )


def draw_form(known: Sequence[Split]) -> Markup:
    usual = next((split.name for split in known if split.name == USUAL_SPLIT), known[0].name)
    option = Markup('<option value="{}"{}>{}</option>')
    options = Markup().join(
        option.format(
            split.name,
            Markup(" selected") if split.name == usual else "",
            f"{split.name}, {_questions(split)}",
        )
        for split in known
    )
    return Markup(
        '<form class="measuring" aria-label="Evaluation">'
        '<label class="field"><span>Split</span><select name="split">{}</select></label>'
        '<label class="field"><span>Questions <small>at most; empty for all</small></span>'
        '<input name="limit" type="number" min="1" max="{}" value="{}" inputmode="numeric"></label>'
        '<label class="mark"><input type="checkbox" name="answers"><span><b>Judge the answers too</b>'
        '<span class="first-words">Every question is asked; slower.</span></span></label>'
        '<p class="form-problem" role="alert"></p>'
        '<div class="ends"><button type="submit" class="tool filled">Evaluate</button>'
        '<button type="button" class="tool outlined" data-do="stop" disabled>Stop</button></div></form>{}'
    ).format(options, MOST_QUESTIONS, USUAL_LIMIT, _without_report())


def _questions(split: Split) -> str:
    made = f", {split.generated:,} generated" if split.generated else ""
    return f"{count(split.questions, 'question')}{made}"


def _without_report() -> Markup:
    if DRAWN:
        return Markup()
    return Markup(
        '<p class="remark">Figures only: the full report is drawn with matplotlib, which is missing'
        " (pip install -c scripts/constraints.txt matplotlib).</p>"
    )


def draw_no_questions() -> Markup:
    return Markup(
        '<div class="no-questions"><h3>This collection has no questions yet</h3>'
        "<p>An evaluation needs questions whose answers are known: <code>queries.jsonl</code> and"
        " <code>qrels/dev.tsv</code> in the folder of the documents. Three ways to get some:</p><ul>"
        "<li>Ask in the chat, give thumbs, and save them as questions in the review.</li>"
        "<li>Write them by hand, in the BEIR layout.</li>"
        "<li>Let a starting set be made from headings, definitions and thumbs. Such questions are marked as"
        " generated; they repeat the documents' words, which favours lexical search.</li></ul>"
        '<p class="form-problem" role="alert"></p><div class="ends">'
        '<button type="button" class="tool filled" data-do="make">Make up to {} questions</button>'
        '<button type="button" class="tool outlined" data-go="review">To the review</button></div></div>'
    ).format(STARTING_SET)


# Progress and figures -----------------------------------------------------------------------


def draw_progress(evaluations: Evaluations, name: str, live: str, *, came: bool = False) -> str:
    """`live`: the generation of the index as it is now.

    Who `came` after the evaluation had ended is not told that it was stopped.
    """
    state, running = evaluations.state(name), evaluations.running
    if state.running:
        shown = draw_running(state)
    elif running:
        text = (
            f"An evaluation of “{running}” is running. There is one at a time; this collection can be next."
        )
        shown = Markup('<section class="sheet wait" data-running="other"><p>{}</p></section>').format(text)
    else:
        shown = Markup()
    told = "" if came and state.note == STOPPED else state.note
    note = Markup('<p class="stopped">{}</p>').format(told) if told else Markup()
    result = draw_result(state.result, live) if state.result else Markup()
    if not shown and not note and not result:
        result = Markup(
            '<section class="sheet empty"><p>The figures will stand here: how each method ranks, with 95 %'
            " intervals, and a report of the questions that went wrong.</p></section>"
        )
    return sendable(str(shown + note + result))


def draw_running(state: State) -> Markup:
    value = Markup(' value="{}" max="{}"').format(state.done, state.total) if state.total else Markup()
    numbers = f"{state.done:,} of {state.total:,}" if state.total else ""
    left = "" if state.seconds_left is None else f"about {draw_seconds(state.seconds_left)} left"
    return Markup(
        '<section class="sheet running" data-running="this" data-stage="{stage}"><p><b>{stage}</b>'
        '<span>{facts}</span></p><progress aria-label="{stage}"{value}></progress></section>'
    ).format(stage=state.stage, facts=" · ".join(filter(None, (numbers, left))), value=value)


def draw_seconds(seconds: float) -> str:
    whole = math.ceil(seconds)
    return f"{whole} s" if whole < 90 else f"{round(seconds / 60)} min"


def draw_result(result: Result, live: str) -> Markup:
    facts = [
        f"split {result.settings.split}",
        f"at most {result.settings.limit:,} questions" if result.settings.limit else "all questions",
        f"took {draw_seconds(result.seconds)}",
    ]
    missing = ""
    if result.missing:
        names = ", ".join(result.missing[:3]) + (" …" if len(result.missing) > 3 else "")
        missing = (
            f"{count(len(result.missing), 'judged document')} not in the index, counted as not found: {names}"
        )
    opener = Markup(
        '<div class="ends"><button type="button" class="tool filled" data-report>Open the report</button></div>'
    )
    return Markup(
        '<section class="sheet result" aria-label="Figures"><header><h2>Figures</h2><p class="lead">{}</p></header>'
        "{}{}{}{}{}</section>"
    ).format(
        " · ".join(facts),
        draw_origin(result, live),
        opener if result.page else "",
        Markup('<p class="remark">{}</p>').format(missing) if missing else "",
        Markup().join(map(draw_set, result.sets)),
        draw_answers(result.answers) if result.answers else "",
    )


def draw_origin(result: Result, live: str) -> Markup:
    """When it was measured and on what, and whether that is still what answers."""
    changed = Markup(
        '<p class="caution">The index has changed since; these figures are of the documents as they were.</p>'
    )
    return Markup('<p class="remark">Measured on {}, with the index <code>{}</code></p>{}').format(
        name_time(result.time), result.generation, changed if result.generation != live else ""
    )


def draw_set(measured: Ranking) -> Markup:
    figures = measured.figures
    pairs = {
        pair: " − ".join(LABELS.get(method, method) for method in pair.split("-"))
        for pair in figures.difference
    }
    heads = [LABELS.get(method, method) for method in figures.methods] + list(pairs.values())
    rows = Markup().join(
        Markup('<tr><th scope="row">{}</th>{}{}</tr>').format(
            name,
            Markup().join(
                draw_interval(by_measure[name], _is_best(method, name, measured))
                for method, by_measure in figures.methods.items()
            ),
            Markup().join(draw_difference(figures.difference[pair][name]) for pair in pairs),
        )
        for name in next(iter(figures.methods.values()))
    )
    title = "Ranking of generated questions" if measured.generated else "Ranking"
    milliseconds = figures.milliseconds.get("median")
    facts = count(figures.n, "question") + (
        f", median {milliseconds:.0f} ms a search" if milliseconds is not None else ""
    )
    return Markup(
        '<section class="figures"><h3>{}</h3><p class="remark">{}; means with 95 % intervals</p>{}'
        '<div class="sideways" tabindex="0" role="region" aria-label="{}"><table><thead><tr><td></td>{}</tr></thead>'
        "<tbody>{}</tbody></table></div></section>"
    ).format(
        title,
        facts,
        Markup('<p class="caution">{}</p>').format(FAVOURED) if measured.generated else "",
        title,
        Markup().join(Markup('<th scope="col">{}</th>').format(head) for head in heads),
        rows,
    )


def _is_best(method: str, name: str, measured: Ranking) -> bool:
    means = [by_measure[name].mean for by_measure in measured.figures.methods.values()]
    mine = measured.figures.methods[method][name].mean
    return max(means) > min(means) and mine == max(means)


def draw_interval(interval: Interval, best: bool = False) -> Markup:
    if math.isnan(interval.mean):
        return Markup("<td>–</td>")
    return Markup("<td{}>{:.3f}{}</td>").format(
        Markup(' class="best"') if best else "", interval.mean, _bounds(interval.low, interval.high, _plain)
    )


def draw_difference(difference: Difference) -> Markup:
    interval = difference.interval
    if math.isnan(interval.mean):
        return Markup("<td>–</td>")
    kind = "better" if interval.low > 0 else "worse" if interval.high < 0 else "even"
    return Markup('<td class="{}">{}{}</td>').format(
        kind, signed(interval.mean), _bounds(interval.low, interval.high, signed)
    )


def _bounds(low: float, high: float, write: Callable[[float], str]) -> Markup:
    return Markup() if math.isnan(low) else Markup("<small>{} to {}</small>").format(write(low), write(high))


def _plain(number: float) -> str:
    return f"{number:.3f}"


def draw_answers(answers: AnswerFigures) -> Markup:
    named = [
        (label, answers.figures[group][name])
        for group, labels in (("answerable", SHARES), ("refusal", REFUSAL), ("quote", QUOTE))
        for name, label in labels.items()
        if name in answers.figures.get(group, {})  # an earlier version may have kept fewer
    ]
    rows = Markup().join(
        Markup('<tr><th scope="row">{}</th>{}<td>{:,}</td></tr>').format(label, draw_interval(value), value.n)
        for label, value in named
    )
    facts = f"{count(answers.n, 'question')}, {answers.answerable_n:,} answerable; means with 95 % intervals"
    return Markup(
        '<section class="figures"><h3>Answers</h3><p class="remark">{}</p>'
        '<div class="sideways" tabindex="0" role="region" aria-label="Answers"><table class="answers"><thead><tr><td></td>'
        '<th scope="col">Mean</th><th scope="col">n</th></tr></thead><tbody>{}</tbody></table></div></section>'
    ).format(facts, rows)


def draw_report(result: Result | None) -> str:
    """The report in a frame of its own, which may neither run scripts nor reach the page."""
    if result is None or not result.page:
        return ""
    frame = Markup('<iframe sandbox title="Report" srcdoc="{}"></iframe>').format(result.page)
    return sendable(str(frame))
