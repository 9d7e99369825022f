"""The chat: a question goes in, quotes come out, their sources stand beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from chatbot.answer import Chatbot
from chatbot.app.drawing import announce, draw_panel, draw_problem, draw_suggestions, draw_turn, draw_welcome
from chatbot.app.parts import QUIET, html_part
from chatbot.app.text import sendable
from chatbot.app.turns import Turn, Votes, find_sources
from chatbot.collection import Collection
from chatbot.errors import ChatbotError
from chatbot.feedback import Feedback

BROKEN = "Something went wrong while answering. The window Footnote was started from says what."


class Screen(NamedTuple):
    """What the page shows, in the order of the components that show it."""

    composer: Any  # text, or gr.skip() to leave what the user is typing
    turns: list[Turn]
    earlier: str
    latest: str
    status: str  # what a screen reader says


def add_chat(collections: Mapping[str, Collection], current: gr.State, top: gr.HTML) -> None:
    """The conversation, the composer and the source panel. Conversations live in the session."""

    def welcome(name: str) -> str:
        return str(draw_welcome(collections[name].chatbot.examples()))

    def ask(
        event: gr.EventData, typed: str | None, turns: list[Turn], votes: Votes, name: str
    ) -> Iterator[Screen]:
        yield from respond(collections[name].chatbot, typed or "", chosen_question(event), turns, votes)

    def clear(name: str) -> tuple[Any, ...]:
        return {}, *Screen("", [], "", welcome(name), "The conversation was cleared.")

    def vote(event: gr.EventData, turns: list[Turn], votes: Votes, name: str) -> tuple[Votes, str]:
        return record_vote(collections[name].feedback, event, turns, votes)

    turns, votes = gr.State([]), gr.State({})
    with gr.Column(elem_id="chat"):
        with gr.Column(elem_id="conversation"):
            earlier, latest = html_part("", "earlier"), html_part(welcome(current.value), "latest")
        with gr.Row(elem_id="composer"):
            composer = gr.Textbox(
                placeholder="Ask the documents a question",
                label="Your question",
                max_lines=8,
                autofocus=True,
                container=False,
                elem_id="question",
            )
            send = gr.Button("Send", elem_id="send")
        status = html_part("", "status", template='<p role="status">${value}</p>')
    html_part(str(draw_panel()), "panel")

    screen = [composer, turns, earlier, latest, status]
    asking = gr.on(
        [composer.submit, send.click, latest.select],
        ask,
        [composer, turns, votes, current],
        screen,
        trigger_mode="once",
        concurrency_limit=4,
        **QUIET,
    )
    asking.failure(give_up, [turns, votes], screen, **QUIET)
    top.clear(clear, current, [votes, *screen], cancels=[asking], **QUIET)
    gr.on([earlier.like, latest.like], vote, [turns, votes, current], [votes, status], **QUIET)


def chosen_question(event: gr.EventData) -> str:
    """The example or suggestion that was clicked, or "" when the question was typed."""
    data = event._data  # a dict for our own events; Gradio has no public way to ask
    return str(data.get("question", "")) if isinstance(data, dict) else ""


def respond(chatbot: Chatbot, typed: str, chosen: str, turns: list[Turn], votes: Votes) -> Iterator[Screen]:
    """The screens from sending a question to its answer.

    The script takes a typed question from the composer; it comes back here if it was refused.
    """
    question = chosen or typed
    if not question.strip():
        yield draw_screen(turns, votes, status="Type a question first.")
        return
    answered = [turn for turn in turns if turn.answer]
    asked = [turn.question for turn in answered]
    said = [" ".join(cited.quote for cited in turn.answer.citations) for turn in answered if turn.answer]
    turn, suggestions = Turn(question), list[str]()
    yield draw_screen([*turns, turn], votes)
    try:
        for step in chatbot.steps(question, asked, said):
            if isinstance(step, str):
                yield draw_screen([*turns, turn], votes, step=step)
            else:
                turn = Turn(question, step, sources=tuple(find_sources(chatbot, step)))
                suggestions = chatbot.suggestions(step, [*asked, question])
    except ChatbotError as error:
        turn = Turn(question, error=str(error))
        yield draw_screen([*turns, turn], votes, composer="" if chosen else question)
    else:
        yield draw_screen([*turns, turn], votes, suggestions)


def give_up(turns: list[Turn], votes: Votes) -> Screen:
    """After an unforeseen error: say so, and hand the question back."""
    *done, last = turns
    return draw_screen([*done, replace(last, error=BROKEN)], votes, composer=last.question)


def record_vote(
    feedback: Feedback, event: gr.EventData, turns: list[Turn], votes: Votes
) -> tuple[Votes, str]:
    data = event._data if isinstance(event._data, dict) else {}
    number, vote = data.get("turn"), data.get("vote")
    if not isinstance(number, int) or not 0 <= number < len(turns) or vote not in ("up", "down"):
        return votes, ""
    try:
        feedback.save(turns[number].question, turns[number].answer, vote)
    except OSError as error:
        return votes, str(draw_problem(f"Your vote was not saved: {error}"))
    saved = Markup('<span data-turn="{}" data-vote="{}">Thank you, noted.</span>')
    return {**votes, number: vote}, str(saved.format(number, vote))


def draw_screen(
    turns: list[Turn],
    votes: Votes,
    suggestions: Sequence[str] = (),
    *,
    composer: str = "",
    step: str = "searching",
    status: str = "",
) -> Screen:
    """The conversation; without `composer`, what the user is typing is left alone."""
    typing = composer or gr.skip()
    if not turns:
        return Screen(typing, turns, "", gr.skip(), status)
    *done, last = turns
    earlier = Markup().join(draw_turn(turn, n, votes.get(n, "")) for n, turn in enumerate(done))
    latest = draw_turn(last, len(done), votes.get(len(done), ""), step) + draw_suggestions(suggestions)
    said = Markup.escape(status or announce(last, step))
    return Screen(typing, turns, *map(sendable, (earlier, latest, said)))
