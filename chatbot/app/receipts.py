"""An answer at its own address: as it was given, what has become of its sources since, and asked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from chatbot.answer import Answer, Verdict
from chatbot.app.drawing import draw_turn
from chatbot.app.parts import QUIET, event_data, html_part
from chatbot.app.text import name_time, shorten
from chatbot.app.turns import Turn, make_turn, restore_turn
from chatbot.collection import Collection
from chatbot.errors import ChatbotError, ReceiptError
from chatbot.receipt import Receipt, ReceiptFolder, Replay, replay
from chatbot.writing import count, sendable

STATES = {  # of a verdict -> what the page calls it, and what that means
    "valid": ("unchanged", "stands where it stood"),
    "moved": ("moved", "stands elsewhere in its document"),
    "changed": ("changed", "the document no longer holds these words"),
    "gone": ("gone", "the document is no longer there"),
}


def add_receipts(collections: Mapping[str, Collection], current: gr.State, top: gr.HTML) -> None:
    """The view "#receipt/ID"."""

    def show(event: gr.EventData, name: str) -> str:
        return show_receipt(collections, name, event_data(event))

    def again(event: gr.EventData, name: str) -> str:
        return show_receipt(collections, name, event_data(event), again=True)

    with gr.Column(elem_id="receipt-view", elem_classes=["pane"]):
        shown = html_part("", "receipt")
    shown.select(show, current, shown, **QUIET)
    shown.retry(again, current, shown, **QUIET)


def show_receipt(
    collections: Mapping[str, Collection], name: str, data: Mapping[str, Any], *, again: bool = False
) -> str:
    """The page's HTML for data["id"]; data["n"] makes each request another value."""
    receipt_id = str(data.get("id", ""))
    try:
        collection, receipt = find_receipt(collections, name, receipt_id)
        name = collection.name  # it need not be the visitor's
        turn = restore_turn(collection, receipt)
        drawn = draw_page(turn, receipt, receipt_id)
        if again:
            drawn += ask_again(receipt, collection)
    except ChatbotError as error:
        drawn = draw_nothing(error)
    shown = Markup('<div data-n="{}" data-collection="{}">{}</div>')
    return sendable(shown.format(str(data.get("n", ""))[:20], name, drawn))


def ask_again(receipt: Receipt, collection: Collection) -> Markup:
    try:
        return draw_replay(replay(receipt, collection.chatbot), collection)
    except ChatbotError as error:
        return Markup(
            '<section class="kept now" aria-label="Asked again"><h3 tabindex="-1">It cannot be asked again</h3>'
            "<p>{}</p></section>"
        ).format(sentence(str(error)))


def find_receipt(
    collections: Mapping[str, Collection], name: str, receipt_id: str
) -> tuple[Collection, Receipt]:
    """The receipt and whose it is; the visitor's own collection is looked through first."""
    own_first = sorted(collections.values(), key=lambda collection: collection.name != name)
    for collection in own_first[:-1]:
        try:
            return collection, folder_of(collection).load(receipt_id)
        except ReceiptError:
            continue
    return own_first[-1], folder_of(own_first[-1]).load(receipt_id)


def folder_of(collection: Collection) -> ReceiptFolder:
    return ReceiptFolder(collection.index / "receipts")


def draw_nothing(error: ChatbotError) -> Markup:
    return Markup(
        '<article class="kept"><div class="reply notice error"><h2>This answer cannot be shown</h2><p>{}</p></div>'
        '<p><button type="button" class="tool wide" data-go="chat">To the chat</button></p></article>'
    ).format(sentence(str(error)))


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def draw_page(turn: Turn, receipt: Receipt, receipt_id: str) -> Markup:
    return Markup(
        '<section class="kept" aria-label="An answer at its own address"><p class="when">{when}</p>{earlier}{turn}'
        '{since}<p class="ways"><button type="button" class="tool wide" data-action="ask-again" data-id="{id}">'
        '<i class="icon again"></i><span>Ask again</span></button>'
        '<button type="button" class="tool wide" data-go="chat">To the chat</button></p></section>'
    ).format(
        when=" · ".join(filter(None, ["A kept answer", name_time(receipt.time), receipt.collection])),
        earlier=draw_earlier(receipt),
        turn=draw_turn(turn, "receipt"),
        since=draw_since(turn),
        id=receipt_id,
    )


def draw_earlier(receipt: Receipt) -> Markup:
    if not receipt.history:
        return Markup()
    items = Markup().join(
        Markup('<li dir="auto">{}</li>').format(shorten(question)) for question in receipt.history
    )
    return Markup('<details class="before"><summary>Asked after {}</summary><ol>{}</ol></details>').format(
        count(len(receipt.history), "other question"), items
    )


def draw_since(turn: Turn) -> Markup:
    """What has become of each source since the answer was given."""
    if not turn.verdicts or turn.answer is None:
        return Markup()
    titles = {citation.number: citation.title for citation in turn.answer.citations}
    item = Markup(
        '<li><span class="number">{}</span><span dir="auto">{}</span>'
        '<span class="state {}" title="{}">{}</span></li>'
    )
    items = Markup().join(
        item.format(verdict.number, titles[verdict.number], verdict.state, *reversed(STATES[verdict.state]))
        for verdict in turn.verdicts
    )
    return Markup(
        '<section class="since"><h3>Since then</h3><p>{}</p><ul aria-label="What became of the sources">{}</ul></section>'
    ).format(sum_up(turn.verdicts), items)


def sum_up(verdicts: tuple[Verdict, ...]) -> str:
    states = Counter(STATES[verdict.state][0] for verdict in verdicts)
    if set(states) == {"unchanged"}:
        return "Every quote stands where it stood."
    told = ", ".join(f"{number} {state}" for state, number in states.items())
    return f"Of {count(len(verdicts), 'quote')}: {told}."


def draw_replay(replay: Replay, collection: Collection) -> Markup:
    now = make_turn(collection.chatbot, replay.now)
    changes = Markup().join(Markup("<li>{}</li>").format(line) for line in differences(replay))
    return Markup(
        '<section class="kept now" aria-label="Asked again"><h3 tabindex="-1">{}</h3>{}{}</section>'
    ).format(
        "Asked again: the same answer" if replay.same else "Asked again: another answer",
        Markup("<ul>{}</ul>").format(changes) if changes else "",
        draw_turn(now, "again"),
    )


def differences(replay: Replay) -> list[str]:
    then, now = replay.then, replay.now
    told = [
        f"It was {status(then)}, it is {status(now)}." if then.status != now.status else "",
        f"In short: “{now.short_answer or 'nothing'}”, before “{then.short_answer or 'nothing'}”."
        if then.short_answer != now.short_answer
        else "",
        f"{sentence(count(len(replay.new), 'new quote'))}" if replay.new else "",
        f"{sentence(count(len(replay.gone), 'quote'))[:-1]} no longer given." if replay.gone else "",
        f"{len(replay.moved)} of the passages found stand elsewhere in their order." if replay.moved else "",
    ]
    return [line for line in told if line]


def status(answer: Answer) -> str:
    return {
        "answered": "answered",
        "disagreement": "a difference between sources",
        "closest": "not answered, with the nearest passages",
        "not_found": "not found",
    }.get(answer.status, "small talk")
