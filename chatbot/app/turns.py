"""A turn of the conversation, and where its quotes stand in their documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chatbot.answer import Answer, Chatbot, Citation
from chatbot.corpus import body_start
from chatbot.index import Hit

REACH = 900  # characters of the document shown on each side of a quote
SENTENCE_START = re.compile(r"(?:(?<=[.!?。])\s+|\n+)(?=\S)")
SENTENCE_END = re.compile(r"[.!?。](?=\s)|(?=\n)")
LAST_HEADING = re.compile(r"\s*(?:\n#+\s[^\n]*)?\s*\Z")


@dataclass(frozen=True)
class Source:
    """A citation with the text around it, as the document stood when it was quoted."""

    citation: Citation
    before: str
    after: str
    hit: Hit | None
    of: int  # hits it was ranked among
    best: dict[str, float]  # the greatest value of each part of the score among them


@dataclass(frozen=True)
class Turn:
    """A question and what became of it; with neither answer nor error it is being answered."""

    question: str
    answer: Answer | None = None
    error: str = ""
    sources: tuple[Source, ...] = ()

    @property
    def state(self) -> str:
        if self.error:
            return "error"
        return self.answer.status if self.answer else "waiting"


Votes = dict[int, str]  # number of the turn, from 0 -> "up" or "down"


def find_sources(chatbot: Chatbot, answer: Answer) -> Iterator[Source]:
    best = {
        part: max(hit.why.get(part, 0.0) for hit in answer.hits)
        for part in {part for hit in answer.hits for part in hit.why}
    }
    for citation in answer.citations:
        hit = next((hit for hit in answer.hits if holds(hit, citation)), None)
        before, after = surroundings(document_text(chatbot, citation), citation)
        yield Source(citation, before, after, hit, len(answer.hits), best)


def holds(hit: Hit, citation: Citation) -> bool:
    passage = hit.passage
    return passage.doc_id == citation.doc_id and passage.start <= citation.start < passage.end


def document_text(chatbot: Chatbot, citation: Citation) -> str:
    """The text of the cited document, or "" when it has changed or gone since."""
    try:
        text = chatbot.index.document(citation.doc_id).text
    except KeyError:
        return ""
    return text if text[citation.start : citation.end] == citation.quote else ""


def surroundings(text: str, citation: Citation, reach: int = REACH) -> tuple[str, str]:
    """The text before and after a quote, from the start of a sentence to the end of one.

    At most `reach` characters each; "…" marks where the document goes on.
    """
    before = text[min(body_start(text), citation.start) : citation.start].lstrip()
    after = text[citation.end :].rstrip()
    if len(before) > reach:
        before = before[-reach:]
        first = SENTENCE_START.search(before) or re.search(r"\s(?=\S)", before)
        before = "… " + before[first.end() if first else 0 :]
    if len(after) > reach:
        after = after[:reach]
        *_, last = [0, *(found.end() for found in SENTENCE_END.finditer(after))]
        after = LAST_HEADING.sub("", after[: last or reach]) + " …"
    return before, after
