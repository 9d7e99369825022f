"""The chat: a question goes in, quotes come out, their sources stand beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from chatbot.answer import Chatbot
from chatbot.app.choice import WITH_CHOICE, add_choice, read_choice
from chatbot.app.drawing import (
    announce,
    draw_problem,
    draw_questions,
    draw_suggestions,
    draw_turn,
    draw_welcome,
)
from chatbot.app.parts import QUIET, event_data, html_part, read_call
from chatbot.app.printing import printable
from chatbot.app.source import add_panel
from chatbot.app.turns import Turn, Votes, make_turn, restore_turn
from chatbot.app.voting import draw_form, draw_thanks, read_details
from chatbot.collection import Collection
from chatbot.errors import ChatbotError, QuestionError, ReceiptError
from chatbot.feedback import DOWN, UP, WITHDRAWN, Feedback
from chatbot.receipt import ReceiptFolder, make_receipt, parse_receipt
from chatbot.writing import sendable

MOST_RESTORED = 200  # turns
BROKEN = "Something went wrong while answering. The window Footnote was started from says what."


class Screen(NamedTuple):
    """What the page shows, in the order of the components that show it."""

    composer: Any  # text, or gr.skip() to leave what the user is typing
    turns: list[Turn]
    earlier: str
    latest: str
    status: str  # what a screen reader says


def add_chat(collections: Mapping[str, Collection], current: gr.State, top: gr.HTML) -> None:
    """The conversation, the composer and the source panel.

    The session holds the turns; the browser keeps their receipts, and sends them when it is opened again.
    """

    def welcome(name: str) -> str:
        return sendable(draw_welcome(name))

    def find_examples(asked: object) -> str:
        collection, _ = read_call(collections, asked)
        return sendable(draw_questions(collection.chatbot.examples(), "examples")) if collection else ""

    def ask(
        event: gr.EventData, typed: str | None, turns: list[Turn], votes: Votes, name: str, only: str | None
    ) -> Iterator[Screen]:
        yield from respond(
            collections[name].chatbot,
            typed or "",
            chosen_question(event),
            turns,
            votes,
            collection=name,
            as_typed=event_data(event).get("typed") is True,
            only=read_choice(only),
        )

    def clear(name: str) -> tuple[Any, ...]:
        return {}, *Screen("", [], "", welcome(name), "A new conversation.")

    def lead_on(turns: list[Turn], name: str) -> str:
        return draw_next(collections[name].chatbot, turns)

    def restore(event: gr.EventData, name: str) -> Any:
        data = event_data(event)
        if data.get("collection") != name:  # the reader has changed over since
            return gr.skip()
        return read_votes(data), *restore_turns(collections[name], data)

    def link(event: gr.EventData, turns: list[Turn], name: str) -> str:
        return keep_receipt(ReceiptFolder(collections[name].index / "receipts"), event_data(event), turns)

    def to_print(event: gr.EventData, turns: list[Turn]) -> str:
        return draw_file(event_data(event), turns)

    def change_over(name: str) -> tuple[Any, ...]:
        said = sendable(Markup.escape(f"These are the documents of {name}."))
        return {}, *Screen(gr.skip(), [], "", welcome(name), said)

    def vote(event: gr.EventData, turns: list[Turn], votes: Votes, name: str) -> tuple[Votes, str]:
        return record_vote(collections[name].feedback, event, turns, votes)

    turns, votes = gr.State([]), gr.State({})
    with gr.Column(elem_id="chat"):
        with gr.Column(elem_id="conversation"):
            earlier = html_part("", "earlier")
            latest = html_part(welcome(current.value), "latest", functions=[find_examples])
            upcoming = html_part("", "upcoming")
        choice = add_choice(collections)
        with gr.Row(elem_id="composer"):
            composer = gr.Textbox(
                placeholder="Ask your documents",
                label="Your question",
                max_lines=8,
                autofocus=True,
                container=False,
                elem_id="question",
            )
            send = gr.Button("Send", elem_id="send")
        status = html_part("", "status", template='<p role="status">${value}</p>')
    add_panel(collections)
    conversations, files = html_part(draw_collection(current.value), "conversations"), html_part("", "files")

    screen = [composer, turns, earlier, latest, status]
    asking = gr.on(
        [composer.submit, send.click, earlier.select, latest.select, upcoming.select],
        ask,
        [composer, turns, votes, current, choice],
        screen,
        js=WITH_CHOICE,
        trigger_mode="once",
        concurrency_limit=4,
        **QUIET,
    )
    # an event of its own, for no question waits until it is known what could be asked next
    asking.success(lead_on, [turns, current], upcoming, trigger_mode="always_last", **QUIET)
    # one after the other: what takes long does not overwrite what was asked for later
    in_turn: dict[str, Any] = {"concurrency_id": "in turn", **QUIET}
    anew: dict[str, Any] = {"cancels": [asking], **in_turn}
    top.clear(clear, current, [votes, *screen], **anew)
    changing = current.change(change_over, current, [votes, *screen], **anew)
    changing.then(draw_collection, current, conversations, **QUIET)
    restoring = conversations.select(restore, current, [votes, *screen], trigger_mode="multiple", **anew)
    restoring.success(lead_on, [turns, current], upcoming, trigger_mode="always_last", **QUIET)
    conversations.download(to_print, turns, files, **QUIET)
    each: dict[str, Any] = {"trigger_mode": "multiple", **in_turn}
    gr.on([earlier.copy, latest.copy], link, [turns, current], status, **each)
    gr.on([earlier.like, latest.like], vote, [turns, votes, current], [votes, status], **each)


def chosen_question(event: gr.EventData) -> str:
    """The example or suggestion that was clicked, or "" when the question was typed."""
    return str(event_data(event).get("question", ""))


def respond(
    chatbot: Chatbot,
    typed: str,
    chosen: str,
    turns: list[Turn],
    votes: Votes,
    *,
    collection: str = "",
    as_typed: bool = False,
    only: frozenset[str] = frozenset(),
) -> Iterator[Screen]:
    """The screens from sending a question to its answer; `as_typed` leaves the earlier ones out of it,
    and misspelt words as they are.

    `only` names the documents to answer from, all if there are none in it.
    The script takes a typed question from the composer; it comes back here if it was refused.
    """
    question = chosen or typed
    if not question.strip():
        yield draw_screen(turns, votes, status="Type a question first.")
        return
    answered = [turn for turn in turns if turn.answer]
    asked = [turn.question for turn in answered]
    history = [] if as_typed else asked
    turn = Turn(question)
    yield draw_screen([*turns, turn], votes)
    try:
        for step in chatbot.steps(question, history, only=only, verbatim=as_typed):
            if not isinstance(step, str):
                receipt = make_receipt(step, history, collection=collection)
                turn = replace(make_turn(chatbot, step, receipt), question=question)
            elif step != "searching":  # the first screen says so already
                yield draw_latest([*turns, turn], step=step)
    except Exception as error:
        foreseen = isinstance(error, ChatbotError)
        turn = Turn(question, error=str(error) if foreseen else BROKEN)
        yield draw_latest([*turns, turn], composer="" if chosen else question)
        if not foreseen:
            raise
    else:
        yield draw_latest([*turns, turn])


def draw_next(chatbot: Chatbot, turns: Sequence[Turn]) -> str:
    """Questions that the latest answer leads on to."""
    answered = [turn for turn in turns if turn.answer]
    if not answered or answered[-1] is not turns[-1] or answered[-1].answer is None:
        return ""
    receipt = answered[-1].receipt
    try:
        suggestions = chatbot.suggestions(answered[-1].answer, [turn.question for turn in answered])
    except QuestionError:  # a document that alone was asked is gone
        return ""
    return sendable(draw_suggestions(suggestions, receipt.time if receipt else ""))


def read_votes(data: Mapping[str, Any]) -> Votes:
    """The thumbs that the browser kept beside its receipts."""
    sent = data.get("votes")
    votes = sent[-MOST_RESTORED:] if isinstance(sent, list) else []
    return {number: vote for number, vote in enumerate(votes) if vote in (UP, DOWN)}


def restore_turns(collection: Collection, data: Mapping[str, Any]) -> Screen:
    """A conversation as the browser kept it, each quote looked up in the documents again."""
    sent = data.get("receipts")
    receipts = sent[-MOST_RESTORED:] if isinstance(sent, list) else []
    turns = [_restored(collection, receipt) for receipt in receipts]
    screen = draw_screen(turns, read_votes(data), composer="", status="The conversation is here again.")
    opened = Markup('<i hidden data-conversation="{}"></i>').format(str(data.get("id", ""))[:80])
    return screen._replace(latest=sendable(opened) + screen.latest) if turns else screen


def _restored(collection: Collection, data: object) -> Turn:
    try:
        return restore_turn(collection, parse_receipt(data))
    except ReceiptError as error:
        question = data.get("question") if isinstance(data, dict) else ""
        return Turn(
            question if isinstance(question, str) else "", error=f"It could not be restored: {error}."
        )


def keep_receipt(folder: ReceiptFolder, data: Mapping[str, Any], turns: Sequence[Turn]) -> str:
    """The receipt of one answer, written to be found by its address; what a screen reader says."""
    number = data.get("turn")
    turn = turns[number] if isinstance(number, int) and 0 <= number < len(turns) else None
    if turn is None or turn.receipt is None:
        return ""
    receipt = turn.receipt
    if receipt.answer.standalone_question == receipt.answer.question:  # earlier questions had no part in it
        receipt = replace(receipt, history=(), quoted=())
    try:
        receipt_id = folder.keep(receipt)
    except OSError as error:
        return str(draw_problem(f"The link was not made: {error}"))
    return str(
        Markup('<span data-turn="{}" data-link="{}">The answer has an address.</span>').format(
            number, receipt_id
        )
    )


def draw_file(data: Mapping[str, Any], turns: Sequence[Turn]) -> str:
    """The conversation as a page to print, for the script to save; `n` makes each request another value."""
    page = printable(turns, str(data.get("name", ""))[:200], str(data.get("day", ""))[:10])
    file = Markup('<i hidden data-n="{}" data-file="{}"></i>')
    return sendable(file.format(str(data.get("n", ""))[:20], page))


def draw_collection(name: str) -> str:
    return str(Markup('<i hidden data-collection="{}"></i>').format(name))


def record_vote(
    feedback: Feedback, event: gr.EventData, turns: list[Turn], votes: Votes
) -> tuple[Votes, str]:
    data = event_data(event)
    number, vote = data.get("turn"), data.get("vote")
    if not isinstance(number, int) or not 0 <= number < len(turns) or vote not in (UP, DOWN, WITHDRAWN):
        return votes, ""
    answer = turns[number].answer
    try:
        details = None if vote == WITHDRAWN else read_details(data)
        receipt = turns[number].receipt  # a vote goes by the answer of then, whose quotes may have moved
        voted = receipt.answer if vote == WITHDRAWN and receipt else answer
        feedback.save(turns[number].question, voted, vote, details)
    except (OSError, ValueError) as error:
        return votes, str(draw_problem(f"Your vote was not saved: {error}"))
    form = draw_form(number, answer) if answer and vote == DOWN and details is None else ""
    others = {turn: thumb for turn, thumb in votes.items() if turn != number}
    given = {} if vote == WITHDRAWN else {number: vote}
    return others | given, sendable(draw_thanks(number, vote, details) + form)


def draw_screen(
    turns: list[Turn],
    votes: Votes,
    *,
    composer: str = "",
    step: str = "searching",
    status: str = "",
) -> Screen:
    """The conversation; without `composer`, what the user is typing is left alone."""
    if not turns:
        return Screen(composer or gr.skip(), turns, "", gr.skip(), status)
    earlier = Markup().join(draw_turn(turn, n, votes.get(n, "")) for n, turn in enumerate(turns[:-1]))
    vote = votes.get(len(turns) - 1, "")
    screen = draw_latest(turns, composer=composer, step=step, status=status, vote=vote)
    return screen._replace(earlier=sendable(earlier))


def draw_latest(
    turns: list[Turn], *, composer: str = "", step: str = "searching", status: str = "", vote: str = ""
) -> Screen:
    """As `draw_screen`, with the earlier turns left as they stand: a long conversation is sent once a question."""
    last = turns[-1]
    latest = draw_turn(last, len(turns) - 1, vote, step)
    said = Markup.escape(status or announce(last, step))
    return Screen(composer or gr.skip(), turns, gr.skip(), sendable(latest), sendable(said))
