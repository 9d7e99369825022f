"""The page: its views side by side, of which one shows at a time."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from chatbot.app.chat import add_chat
from chatbot.app.documents import add_documents
from chatbot.app.drawing import draw_top
from chatbot.app.evaluation import add_evaluation
from chatbot.app.parts import QUIET, html_part
from chatbot.app.picking import add_picker
from chatbot.app.programs import add_programs
from chatbot.app.receipts import add_receipts
from chatbot.app.review import add_review
from chatbot.collection import Collection

# what stands in the address -> what the bar calls it
VIEWS = {"chat": "Chat", "documents": "Documents", "review": "Review", "evaluation": "Evaluate"}
UPLOADS = (3_600, 86_400)  # seconds: how often those that were never taken go, and how old they get
CHOSEN = "(_, current) => [footnote.collection(), current]"


def build_page(collections: Sequence[Collection]) -> gr.Blocks:
    """The page on one or more collections, not yet served; a new visitor meets the first.

    Each view adds its part of the page and its events. `current` holds the name of the visitor's collection.
    """
    by_name = {collection.name: collection for collection in collections}

    def bar(name: str) -> str:
        return str(draw_top(by_name[name].chatbot.index.manifest, VIEWS, list(by_name), name))

    def choose(chosen: str, name: str) -> tuple[str, str]:
        """The collection that the reader chose, now or in an earlier visit, while it exists; and its bar."""
        name = chosen if chosen in by_name else name
        return name, bar(name)

    page = gr.Blocks(title="Footnote", analytics_enabled=False, fill_width=True, delete_cache=UPLOADS)
    with page:
        add_programs(by_name)
        current = gr.State(collections[0].name)
        with gr.Column(elem_id="page"):
            top = html_part(bar(collections[0].name), "top")
            add_chat(by_name, current, top)
            add_documents(by_name, current, top)
            add_picker(by_name)
            add_review(by_name, current, top)
            add_evaluation(by_name, current, top)
            add_receipts(by_name, current, top)
        # when the page is opened, too: another index may be live by now
        gr.on(
            [page.load, top.select],
            choose,
            [top, current],
            [current, top],
            js=CHOSEN,
            trigger_mode="always_last",
            **QUIET,
        )
    return page
