"""A dialog in which sentences are searched for in the documents, read in place, and marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from markupsafe import Markup

from chatbot.answer import LONGEST_QUESTION, Chatbot
from chatbot.app.parts import html_part, read_call
from chatbot.app.voting import first_words
from chatbot.collection import Collection
from chatbot.corpus import Passage
from chatbot.index import PassageIndex
from chatbot.inline import on_one_line
from chatbot.writing import sendable

FOUND = 8  # passages a search shows
NAMED = 6  # documents whose titles match
MOST_PASSAGES = 150  # of a document, around the one that was found


def add_picker(collections: Mapping[str, Collection]) -> None:
    """The script makes the dialog, and asks here for what to show in it."""

    def find_sentences(asked: object) -> str:
        collection, data = read_call(collections, asked)
        return sendable(draw_response(collection.chatbot, data)) if collection else ""

    html_part("", "picker", functions=[find_sentences])


def draw_response(chatbot: Chatbot, data: Mapping[str, Any]) -> Markup:
    """A document to read, or what a search found."""
    index, doc_id, query = chatbot.live(), data.get("doc"), data.get("query")
    if isinstance(doc_id, str):
        start = data.get("start")
        return draw_reading(index, doc_id, start if isinstance(start, int) else 0)
    return draw_found(index, str(query or "")[:LONGEST_QUESTION].strip())


def draw_found(index: PassageIndex, query: str) -> Markup:
    named = list(_named(index, query))
    hits = index.search(query, FOUND) if query else []
    if not named and not hits:
        return Markup('<p class="nothing">{}</p>').format(
            "Nothing found." if query else "Search for a few words."
        )
    result = Markup(
        '<li><button type="button" data-read="{}" data-start="{}"><b dir="auto">{}</b>{}'
        '<span class="first-words" dir="auto">{}</span></button></li>'
    )
    section = Markup(' <span class="section">{}</span>')
    documents = Markup().join(result.format(doc_id, 0, title or doc_id, "", "") for doc_id, title in named)
    passages = Markup().join(
        result.format(
            hit.passage.doc_id,
            hit.passage.start,
            hit.title or hit.passage.doc_id,
            section.format(hit.passage.section) if hit.passage.section else "",
            first_words(hit.text, 220),
        )
        for hit in hits
    )
    return Markup('{}<h3>Passages</h3><ul class="results">{}</ul>').format(
        Markup('<h3>Documents</h3><ul class="results">{}</ul>').format(documents) if named else "", passages
    )


def _named(index: PassageIndex, query: str) -> Iterator[tuple[str, str]]:
    words, found = query.casefold().split(), 0
    for doc_id, title in index.titles():
        name = f"{title} {doc_id}".casefold()
        if words and found < NAMED and all(word in name for word in words):
            found += 1
            yield doc_id, title


def draw_reading(index: PassageIndex, doc_id: str, start: int) -> Markup:
    """A document by its sentences, each with a box to tick."""
    passages = index.passages_of(doc_id)
    if not passages:
        return Markup('<p class="nothing">This document is not there any more.</p>')
    document = index.document(doc_id)
    place = next((n for n, passage in enumerate(passages) if start < passage.end), 0)
    first = max(min(place - MOST_PASSAGES // 2, len(passages) - MOST_PASSAGES), 0)
    shown = passages[first : first + MOST_PASSAGES]
    found = passages[place] if start else None
    return Markup(
        '<button type="button" class="tool back" data-back><i class="icon previous"></i>Results</button>'
        '<article class="reading-whole" data-title="{}"><h3 tabindex="-1" dir="auto">{}</h3>{}</article>'
    ).format(document.title or doc_id, document.title or doc_id, draw_passages(document.text, shown, found))


def draw_passages(text: str, passages: list[Passage], found: Passage | None) -> Markup:
    drawn = []
    for section, group in groupby(passages, key=lambda passage: passage.section):
        heading = Markup('<h4 dir="auto">{}</h4>').format(section) if section else Markup()
        paragraphs = Markup().join(
            Markup('<p dir="auto"{}>{}</p>').format(
                Markup(' class="found"') if passage is found else "", draw_sentences(text, passage)
            )
            for passage in group
        )
        drawn.append(heading + paragraphs)
    return Markup().join(drawn)


def draw_sentences(
    text: str, passage: Passage, marked: frozenset[tuple[str, int, int]] = frozenset()
) -> Markup:
    box = Markup(
        '<label class="sentence"><input type="checkbox" class="unseen" data-doc="{}" data-start="{}" data-end="{}"{}>'
        "<span>{}</span></label>"
    )
    return Markup(" ").join(
        box.format(
            passage.doc_id,
            start,
            end,
            Markup(" checked") if (passage.doc_id, start, end) in marked else "",
            on_one_line(text[start:end], passage.doc_id),
        )
        for start, end in passage.sentences
    )
