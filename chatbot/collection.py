"""A collection: a folder of documents, its index, and the chatbot that answers from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from chatbot.answer import Chatbot
from chatbot.feedback import Feedback


@dataclass(frozen=True)
class Collection:
    name: str
    corpus: Path
    index: Path
    chatbot: Chatbot

    @cached_property
    def feedback(self) -> Feedback:
        return Feedback(self.index / "feedback.jsonl")
