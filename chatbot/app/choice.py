"""Chosen documents, from which alone questions are answered. The browser keeps the choice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from chatbot.answer import MOST_CHOSEN
from chatbot.app.parts import address_of, html_part, read_call, read_texts
from chatbot.app.text import name_some
from chatbot.collection import Collection
from chatbot.writing import count, sendable

ASKED = MOST_CHOSEN + 1  # documents that are looked at, so that one too many is refused
# of the event that asks: the script puts the choice in the place of its last input
WITH_CHOICE = "(...inputs) => [...inputs.slice(0, -1), JSON.stringify(footnote.only())]"


def add_choice(collections: Mapping[str, Collection]) -> gr.HTML:
    """The line above the composer, empty while all documents are asked."""

    def show_choice(asked: object) -> dict[str, Any]:
        """{"only": those that are in the index, "line": HTML, "said": what a screen reader says}."""
        collection, data = read_call(collections, asked)
        if collection is None:
            return {"only": [], "line": "", "said": ""}
        return describe_choice(dict(collection.live_index.titles()), read_texts(data.get("only"), ASKED))

    return html_part('<div class="choice"></div>', "choice", functions=[show_choice])


def read_choice(sent: object) -> frozenset[str]:
    """The documents that came with a question; none: all."""
    try:
        return (
            frozenset(read_texts(json.loads(sent), ASKED)) if isinstance(sent, str) and sent else frozenset()
        )
    except (ValueError, RecursionError):
        return frozenset()


def describe_choice(titles: Mapping[str, str], only: Sequence[str]) -> dict[str, Any]:
    there = [doc_id for doc_id in titles if doc_id in set(only)]
    gone = [doc_id for doc_id in only if doc_id not in titles]
    asking = f"Asking {len(there):,} of {count(len(titles), 'document')}" if there else ""
    lost = tell_gone(gone, bool(there)) if gone else ""
    chosen = draw_chosen(asking, {doc_id: titles[doc_id] or doc_id for doc_id in there}) if there else ""
    return {
        "only": there,
        "line": sendable(Markup("{}{}").format(chosen, draw_gone(lost) if lost else "")),
        "said": " ".join(filter(None, [f"{asking}." if asking else "", lost])),
    }


def draw_chosen(asking: str, titles: Mapping[str, str]) -> Markup:
    item = Markup('<li><a href="{}" dir="auto">{}</a></li>')
    return Markup(
        '<div class="chosen"><details><summary>{}</summary><ul aria-label="Chosen documents">{}</ul></details>'
        '<button type="button" class="tool" data-action="ask-all">Ask all</button></div>'
    ).format(
        asking, Markup().join(item.format(address_of(doc_id), title) for doc_id, title in titles.items())
    )


def tell_gone(gone: Sequence[str], others: bool) -> str:
    is_gone = "is no longer in the index" if len(gone) == 1 else "are no longer in the index"
    return f"{name_some(gone)} {is_gone}. {'The others are still asked.' if others else 'All documents are asked now.'}"


def draw_gone(told: str) -> Markup:
    return Markup(
        '<div class="gone"><p>{}</p><button type="button" class="tool" data-action="close-gone"'
        ' aria-label="Close this message"><i class="icon close"></i></button></div>'
    ).format(told)
