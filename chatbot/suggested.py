"""Questions that a page suggests: of the collection's, people's or made, those that its documents answer."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Protocol, TypeVar

from chatbot.background import start_thread
from chatbot.errors import ChatbotError
from chatbot.terms import STOP_WORDS, fold

MOST_KNOWN = 10_000  # questions of one generation
QUIET_FOR = 3.0  # seconds without a question before another is tried in the background
_WORD = re.compile(r"\w+")

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Tried:
    """Which questions the documents answer; each is tried once for a generation of the index.

    A question goes with whatever its answer hangs on: (question, section) where a section is to answer it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = ""
        self._known: dict[Hashable, bool] = {}

    def known(self, generation: str) -> dict[Hashable, bool]:
        """The questions tried so far, and whether they are answered."""
        with self._lock:
            if generation != self._generation:
                self._generation, self._known = generation, {}
            return self._known

    def answered(self, question: K, generation: str, ask: Callable[[K], bool]) -> bool:
        known = self.known(generation)
        if question not in known:
            answered = ask(question)
            with self._lock:
                if len(known) < MOST_KNOWN:
                    known[question] = answered
            return answered
        return known[question]


def first_answered(
    questions: Iterable[T], n: int, answers: Callable[[T], bool], most: int, seconds: float
) -> list[T]:
    """The first n that are answered, of the first `most`; fewer when `seconds` are over."""
    found: list[T] = []
    ends = time.monotonic() + seconds
    for tried, question in enumerate(questions):
        if len(found) == n or tried == most or time.monotonic() > ends:
            break
        if answers(question):
            found.append(question)
    return found


def spread(questions: Sequence[str], n: int) -> Iterator[str]:
    """All of them, n from all over, then n of those between, and so on."""
    left = dict.fromkeys(questions)
    while left:
        for question in evenly(list(left), max(n, 1)):
            yield question
            del left[question]


def evenly(items: Sequence[T], n: int) -> list[T]:
    """At most n of them in their order, from all over."""
    return [items[place * len(items) // n] for place in range(n)] if n < len(items) else list(items)


def complete(typed: str, questions: Iterable[str], n: int = 5) -> list[str]:
    """Questions that go on like `typed`, then those with all of its words; a word may be its first letters."""
    words = _words(typed)
    if not words:
        return []
    content = [word for word in words[:-1] if word not in STOP_WORDS] + words[-1:]
    says_something = len(content) > 1 or words[-1] not in STOP_WORDS
    begin, inside = list[str](), list[str]()
    for question in questions:
        folded = _folded(question)
        if folded.startswith(f" {' '.join(words)}"):
            begin.append(question)
            if len(begin) == n:
                break
        elif says_something and all(f" {word}" in folded for word in content):
            inside.append(question)
    return [*begin, *inside][:n]


@lru_cache(maxsize=MOST_KNOWN)
def _folded(question: str) -> str:
    """Each word with a blank before it."""
    return "".join(f" {word}" for word in _words(question))


def _words(text: str) -> list[str]:
    return [word for match in _WORD.finditer(text) if (word := fold(match[0]))]


# In the background ---------------------------------------------------------------------------


class Trying(Protocol):
    """What a Chatbot has for it."""

    asked_at: float  # time.monotonic() of the latest question

    def untried(self) -> str: ...
    def answers(self, question: str) -> bool: ...


def try_in_background(chatbots: Sequence[Trying]) -> threading.Event:
    """Try the questions of collections while nobody asks one; set the event to end it."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            for chatbot in chatbots:
                _try_next(chatbot, stop)

    start_thread("questions", work, stop.set)
    return stop


def _try_next(chatbot: Trying, stop: threading.Event) -> None:
    if time.monotonic() - chatbot.asked_at < QUIET_FOR:
        return
    started, pause = time.monotonic(), 2.0
    with suppress(ChatbotError):  # an index that is broken now may be built anew
        if question := chatbot.untried():
            chatbot.answers(question)
            pause = 2 * (time.monotonic() - started)  # at most a third of a processor
    stop.wait(pause)
