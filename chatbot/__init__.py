"""A chatbot that answers from documents, in their own words, with citations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatbot.answer import Chatbot

__all__ = ["open_chatbot"]
__version__ = "0.1.0"


def open_chatbot(corpus: str | Path, index: str | Path, model: str | None = None) -> Chatbot:
    """A chatbot on a folder of documents; `index` is built when it is missing or stale.

    `model` is the name or folder of a sentence-transformers model. Raises errors of `chatbot.errors`.
    """
    from chatbot import collection  # importing chatbot alone stays cheap

    return collection.open_chatbot(corpus, index, model)
