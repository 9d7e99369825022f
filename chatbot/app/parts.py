"""What every view is made of: our own HTML with a name that the script knows, and what the script sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote as percent_encode

import gradio as gr

from chatbot.collection import Collection

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}  # for our own events


def html_part(
    value: str, name: str, template: str = "${value}", functions: Sequence[Callable[..., Any]] = ()
) -> gr.HTML:
    """HTML in which `footnote.parts[name]` of the page's script carries clicks to Gradio's events.

    The script can call `functions` by their names and gets what they return; anyone can, with anything.
    """
    return gr.HTML(
        value,
        elem_id=name,
        html_template=template,
        js_on_load=f"footnote.attach({name!r}, element, trigger, watch, server)",
        apply_default_css=False,
        server_functions=list(functions),
    )


def event_data(event: gr.EventData) -> dict[str, Any]:
    """What the page's script sent along; a visitor may send anything."""
    data = event._data  # a dict for our own events; Gradio has no public way to ask
    return data if isinstance(data, dict) else {}


def read_call(
    collections: Mapping[str, Collection], asked: object
) -> tuple[Collection | None, Mapping[str, Any]]:
    """The collection that a call of the script names, None for none that is here, and all that it says."""
    data = asked if isinstance(asked, dict) else {}
    name = data.get("collection")
    return (collections.get(name) if isinstance(name, str) else None), data


def address_of(doc_id: str) -> str:
    """Of a document on the page."""
    return f"#documents/{percent_encode(doc_id.encode('utf-8', 'replace'), safe='')}"


def read_texts(sent: object, most: int) -> list[str]:
    """The first `most` of what are texts in it, each once."""
    texts = [text for text in sent if isinstance(text, str)] if isinstance(sent, list) else []
    return list(dict.fromkeys(texts))[:most]
