"""Turns as Markdown, for the clipboard and for a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from chatbot.answer import AS_OF, UNANSWERED, UNMENTIONED, Answer, Citation, NotFound
from chatbot.app.text import shorten
from chatbot.app.turns import Lost, Turn
from chatbot.corpus import section_below
from chatbot.writing import count


def turn_markdown(turn: Turn) -> str:
    """Question, answer and sources as Markdown; "" while it is being answered."""
    question = f"**Question:** {escape_markdown(shorten(turn.question))}"
    if turn.answer is None:
        return f"{question}\n\n*Not answered: {escape_markdown(turn.error)}*" if turn.error else ""
    return "\n\n".join(filter(None, [question, *_answer_markdown(turn.answer, turn.looked_in)]))


def _answer_markdown(answer: Answer, looked_in: Sequence[str]) -> Iterator[str]:
    if answer.standalone_question != answer.question:
        yield f"*Understood as: {escape_markdown(answer.standalone_question)}*"
    if looked_in:
        yield f"*Looked only in: {escape_markdown(', '.join(looked_in))}*"
    yield HEADINGS.get(answer.status, "")
    if answer.short_answer:
        yield f"**{escape_markdown(answer.short_answer)}**"
    if answer.status == "smalltalk":
        yield escape_markdown(answer.text)
    for citation in answer.citations:
        quote = escape_markdown(citation.words)
        changed = " (the source has changed since)" if isinstance(citation, Lost) else ""
        yield f"> {quote} [{citation.number}]{changed}"
    if answer.not_found:
        yield searched_terms(answer.not_found, escape_markdown)
    if answer.unmentioned:
        yield f"{UNMENTIONED} {', '.join(map(escape_markdown, answer.unmentioned))}."
    if answer.unanswered:
        yield f"{UNANSWERED} {' '.join(map(escape_markdown, answer.unanswered))}"
    if answer.as_of:
        yield f"{AS_OF} {answer.as_of}."
    if answer.citations:
        yield "Sources:"
        yield "\n".join(map(_source_markdown, answer.citations))


HEADINGS = {
    "disagreement": "The sources differ:",
    "closest": "No source answers this; the nearest passages are:",
    "not_found": "Not found in these documents.",
}


def searched_terms(found: NotFound, escape: Callable[[str], str] = str) -> str:
    searched = f"Searched {count(found.documents, 'document')} ({count(found.passages, 'passage')})"
    terms = ", ".join(map(escape, found.missing_terms))
    return f"{searched}; none mentions: {terms}." if terms else f"{searched}."


def _source_markdown(citation: Citation) -> str:
    page = f"page {citation.page}" if citation.page else ""
    section = section_below(citation.title, citation.section)
    parts = filter(None, (citation.title, section, page, citation.source))
    return f"{citation.number}. " + ", ".join(map(escape_markdown, parts))


def escape_markdown(text: str) -> str:
    return re.sub(r"([\\`*_<\[\]])", r"\\\1", text)
