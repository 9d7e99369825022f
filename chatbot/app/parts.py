"""The piece that every view is made of: our own HTML with a name that the script knows."""

from __future__ import annotations

from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}  # for our own events


def html_part(value: str, name: str, template: str = "${value}") -> gr.HTML:
    """HTML in which `footnote.parts[name]` of the page's script carries clicks to Gradio's events."""
    return gr.HTML(
        value,
        elem_id=name,
        html_template=template,
        js_on_load=f"footnote.attach({name!r}, element, trigger, watch)",
        apply_default_css=False,
    )
