"""The page: its views side by side, of which one shows at a time."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from chatbot.app.chat import add_chat
from chatbot.app.drawing import draw_top
from chatbot.app.parts import QUIET, html_part
from chatbot.collection import Collection

VIEWS = {"chat": "Chat"}  # what stands in the address -> what the bar calls it


def build_page(collections: Sequence[Collection]) -> gr.Blocks:
    """The page on one or more collections, not yet served; a new visitor meets the first.

    Each view adds its part of the page and its events. `current` holds the name of the visitor's collection.
    """
    by_name = {collection.name: collection for collection in collections}

    def counts(name: str) -> str:
        return str(draw_top(by_name[name].chatbot.index.manifest, VIEWS))

    page = gr.Blocks(title="Footnote", analytics_enabled=False, fill_width=True)
    with page:
        current = gr.State(collections[0].name)
        with gr.Column(elem_id="page"):
            top = html_part(counts(collections[0].name), "top")
            add_chat(by_name, current, top)
        page.load(counts, current, top, **QUIET)  # another index may be live by now
    return page
