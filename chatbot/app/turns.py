"""A turn of the conversation, and where its quotes stand in their documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chatbot.answer import Answer, Chatbot, Citation, Verdict, head_of, holds, verify
from chatbot.app.in_place import document_headings, paragraph_at
from chatbot.collection import Collection
from chatbot.conversation import smalltalk
from chatbot.corpus import body_start
from chatbot.errors import ReceiptError
from chatbot.index import Hit, PassageIndex
from chatbot.inline import on_one_line
from chatbot.receipt import Receipt

REACH = 900  # characters of the document shown on each side of a quote
SENTENCE_START = re.compile(r"(?:(?<=[.!?。])\s+|\n+)(?=\S)")
SENTENCE_END = re.compile(r"[.!?。](?=\s)|(?=\n)")
LAST_HEADING = re.compile(r"\s*(?:\n#+\s[^\n]*)?\s*\Z")


@dataclass(frozen=True)
class Lost(Citation):
    """A citation of a receipt whose quote does not stand in the documents: as the receipt has it."""


@dataclass(frozen=True)
class Placed(Citation):
    """A citation with the paragraph of its document that holds it, from 1; 0 unknown."""

    paragraph: int = 0


@dataclass(frozen=True)
class Source:
    """A citation with the text around it, as the document stood when it was quoted."""

    citation: Citation
    before: str
    after: str
    hit: Hit | None
    of: int  # hits it was ranked among
    best: dict[str, float]  # the greatest value of each part of the score among them
    paragraph: int = 0  # of the document that holds it, from 1; 0 unknown

    @property
    def placed(self) -> Placed:
        return Placed(**vars(self.citation), paragraph=self.paragraph)


@dataclass(frozen=True)
class Turn:
    """A question and what became of it; with neither answer nor error it is being answered."""

    question: str
    answer: Answer | None = None
    error: str = ""
    sources: tuple[Source, ...] = ()
    receipt: Receipt | None = None  # of its answer
    verdicts: tuple[Verdict, ...] = ()  # on a restored answer's citations
    looked_in: tuple[str, ...] = ()  # names of the documents that alone were asked

    @property
    def placed_answer(self) -> Answer | None:
        """The answer, its citations with their places."""
        placed = {source.citation.number: source.placed for source in self.sources}
        if self.answer is None:
            return None
        return replace(self.answer, citations=tuple(placed.get(c.number, c) for c in self.answer.citations))

    @property
    def state(self) -> str:
        if self.error:
            return "error"
        return self.answer.status if self.answer else "waiting"


Votes = dict[int, str]  # number of the turn, from 0 -> "up" or "down"


def make_turn(chatbot: Chatbot, answer: Answer, receipt: Receipt | None = None) -> Turn:
    """The turn of an answer just given."""
    sources = tuple(find_sources(chatbot, answer))
    return Turn(answer.question, answer, "", sources, receipt, (), name_documents(chatbot.index, answer.only))


def name_documents(index: PassageIndex, only: Sequence[str]) -> tuple[str, ...]:
    """Their titles; the id of one that has none or is gone."""
    titles = dict(index.titles()) if only else {}
    return tuple(titles.get(doc_id) or doc_id for doc_id in only)


def find_sources(chatbot: Chatbot, answer: Answer) -> Iterator[Source]:
    best = {
        part: max(hit.why.get(part, 0.0) for hit in answer.hits)
        for part in {part for hit in answer.hits for part in hit.why}
    }
    for citation in answer.citations:
        if isinstance(citation, Lost):
            continue
        hit = next((hit for hit in answer.hits if holds(hit, citation)), None)
        text = document_text(chatbot, citation)
        before, after = surroundings(text, citation)
        headings = document_headings(chatbot.index, citation.doc_id)
        paragraph = paragraph_at(text, citation.start, headings, body_start(text, citation.doc_id))
        yield Source(citation, before, after, hit, len(answer.hits), best, paragraph if text else 0)


def restore_turn(collection: Collection, receipt: Receipt) -> Turn:
    """A turn from a receipt that anyone may have written: what it quotes is looked up, never believed.

    A quote that stands in its document gets all that is shown of its source from there; any other is Lost.
    """
    index = collection.live_index
    then = receipt.answer
    verdicts = tuple(verify(then.to_json(), index))
    citations = tuple(
        _look_up(citation, verdict, index) for citation, verdict in zip(then.citations, verdicts, strict=True)
    )
    text = "\n".join(f"{citation.words} [{number}]" for number, citation in enumerate(citations, 1))
    if then.status == "smalltalk":
        text = smalltalk(then.question) or ""
    shorts = ((on_one_line(then.short_answer, c.doc_id), c.words) for c in then.citations)
    short = next((short for short, words in shorts if short in words), "")
    if not text and then.status != "not_found":
        raise ReceiptError("this answer quotes nothing")
    hits = tuple(_fill(then.hits, index))
    answer = replace(then, citations=citations, text=text, short_answer=short, hits=hits)
    turn = make_turn(collection.chatbot, answer, receipt)
    return replace(turn, verdicts=verdicts)


def _look_up(citation: Citation, verdict: Verdict, index: PassageIndex) -> Citation:
    if verdict.state not in ("valid", "moved"):
        return Lost(**vars(citation))
    document = index.document(citation.doc_id)
    start = citation.start if verdict.state == "valid" else document.text.index(citation.quote)
    return Citation(
        citation.number,
        document.doc_id,
        document.title,
        citation.section if citation.section in index.sections(document.doc_id) else "",
        document.source,
        document.page_at(start),
        start,
        start + len(citation.quote),
        citation.quote,
        citation.doc_sha256,  # of then: the panel says whether the document has changed
        citation.confidence,
        head_of(document, start, start + len(citation.quote)),
    )


def _fill(hits: Sequence[Hit], index: PassageIndex) -> Iterator[Hit]:
    """With text, title, source and section where the index has the passage; a receipt has its place alone."""
    known = {
        (passage.doc_id, passage.start, passage.end): passage
        for doc_id in {hit.passage.doc_id for hit in hits}
        for passage in index.passages_of(doc_id)
    }
    for hit in hits:
        passage = known.get((hit.passage.doc_id, hit.passage.start, hit.passage.end))
        if passage is None:
            yield hit
            continue
        document = index.document(passage.doc_id)
        text = document.text[passage.start : passage.end]
        yield replace(hit, passage=passage, text=text, title=document.title, source=document.source)


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
    before = text[min(body_start(text, citation.doc_id), citation.start) : citation.start].lstrip()
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
