"""The source panel: a document with what an answer quotes from it marked in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from chatbot import formats
from chatbot.answer import LONGEST_QUESTION
from chatbot.app.drawing import draw_panel
from chatbot.app.in_place import MORE, Mark, document_headings, draw_text, line_end, line_start, window
from chatbot.app.parts import html_part, read_call
from chatbot.collection import Collection
from chatbot.corpus import Document, Span, body_start
from chatbot.index import PassageIndex
from chatbot.inline import is_markdown
from chatbot.writing import sendable

MOST_QUOTES = 50  # of one document
GONE = "This document is no longer in the collection. It said:"
CHANGED = "This document has changed since it was quoted and no longer holds the sentence. It said:"
STANDS = "This document has changed since it was quoted. The sentence still stands in it."


class Quoted(NamedTuple):
    """A citation as the page has it."""

    number: int
    start: int
    end: int
    quote: str
    doc_sha256: str


def add_panel(collections: Mapping[str, Collection]) -> gr.HTML:
    """The panel, empty. The script fetches documents and the questions that complete what is typed."""

    def read_document(asked: object) -> dict[str, Any]:
        """The text of a document with quotes marked; "number" is the citation it is opened for."""
        return show_document(collections, asked)

    def complete_question(asked: object) -> list[str]:
        collection, data = read_call(collections, asked)
        typed = data.get("typed")
        if collection is None or not isinstance(typed, str):
            return []
        completions = collection.chatbot.completions(typed[:LONGEST_QUESTION])
        return [sendable(question) for question in completions]

    return html_part(str(draw_panel()), "panel", functions=[read_document, complete_question])


def show_document(
    collections: Mapping[str, Collection], asked: object, title_level: int = 3
) -> dict[str, Any]:
    """{"text": HTML, "notes": {number: HTML}}; only a note where there is no such document."""
    collection, data = read_call(collections, asked)
    doc_id, quotes = data.get("doc_id"), list(read_quotes(data.get("quotes")))
    if collection is None or not isinstance(doc_id, str):
        return {"text": "", "notes": {}}
    index = collection.live_index
    try:
        document = index.document(doc_id)
    except KeyError:
        return {"text": "", "notes": {str(q.number): sendable(draw_note(GONE, q.quote)) for q in quotes}}
    found = {quoted: find_quote(document.text, quoted) for quoted in quotes}
    marks = [Mark(quoted.number, *span) for quoted, span in found.items() if span]
    notes = {
        str(q.number): sendable(note) for q, span in found.items() if (note := note_on(q, span, document))
    }
    opened = next((mark.start for mark in marks if mark.number == data.get("number")), 0)
    first = body_start(document.text, doc_id)
    span = _more(document.text, data, first) or window(document.text, opened, first)
    return {"text": sendable(draw_part(index, document, span, marks, title_level)), "notes": notes}


def read_quotes(sent: object) -> Sequence[Quoted]:
    """What of it makes sense."""
    quotes = []
    for entry in sent[:MOST_QUOTES] if isinstance(sent, list) else []:
        match entry:
            case {
                "number": int(number),
                "start": int(start),
                "end": int(end),
                "quote": str(quote),
                "doc_sha256": str(sha256),
            }:
                quotes.append(Quoted(number, start, end, quote, sha256))
    return quotes


def find_quote(text: str, quoted: Quoted) -> Span | None:
    """Where a quote stands: its own place, or the nearest where the same words are."""
    words = quoted.quote
    if not words.strip():
        return None
    if quoted.start >= 0 and text[quoted.start : quoted.end] == words:
        return quoted.start, quoted.end
    after = text.find(words, max(quoted.start, 0))
    before = text.rfind(words, 0, max(quoted.start, 0) + len(words))
    places = [place for place in (before, after) if place >= 0]
    start = min(places, key=lambda place: abs(place - quoted.start), default=-1)
    return (start, start + len(words)) if start >= 0 else None


def note_on(quoted: Quoted, span: Span | None, document: Document) -> Markup:
    """What has become of a quote since; nothing where its document is the same."""
    if span is None:
        return draw_note(CHANGED, quoted.quote)
    return Markup() if quoted.doc_sha256 == document.sha256 else draw_note(STANDS)


def draw_note(message: str, quote: str = "") -> Markup:
    said = Markup('<blockquote dir="auto">{}</blockquote>').format(quote) if quote else ""
    return Markup("<p>{}</p>{}").format(message, said)


def draw_part(
    index: PassageIndex, document: Document, span: Span, marks: Sequence[Mark], title_level: int
) -> Markup:
    """A part of a document, with a button at each end where it goes on."""
    text, (begin, end) = document.text, span
    headings, rows = document_headings(index, document.doc_id), formats.is_laid_out(document.doc_id)
    markdown = is_markdown(document.doc_id)
    first, last = body_start(text, document.doc_id), len(text)
    return Markup("{}{}{}").format(
        draw_more("earlier", max(first, begin - MORE), begin) if begin > first else "",
        draw_text(text, span, marks, headings, document.title, title_level, rows, markdown),
        draw_more("later", end, min(last, end + MORE)) if end < last else "",
    )


def draw_more(which: str, begin: int, end: int) -> Markup:
    return Markup(
        '<button type="button" class="more {0}" data-action="more" data-begin="{1}" data-end="{2}">'
        "Show {0} text</button>"
    ).format(which, begin, end)


def _more(text: str, asked: Mapping[str, Any], first: int) -> Span | None:
    """The further part that is asked for, in whole lines."""
    begin, end = asked.get("begin"), asked.get("end")
    if not isinstance(begin, int) or not isinstance(end, int) or not 0 <= begin < end <= begin + 2 * MORE:
        return None
    start = line_start(text, min(begin, len(text)), first)
    return (start, line_end(text, end - 1)) if start < len(text) else None
