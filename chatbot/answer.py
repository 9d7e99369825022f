"""A question to an Answer: quotes with citations, or "the sources do not say".

Search finds passages, the reader judges their sentences, and a logistic model over `SIGNALS` says how
likely it is that the corpus answers at all. Its probability is the answer's confidence; it decides
between `answered`, `closest` (nothing answers, the nearest sentences are shown as such) and
`not_found`. A second one over `QUOTE_SIGNALS` says of each quote how likely it is to answer. Their
weights, like the reader's, are in parameters.json (`scripts/fit_answers.py`).

Every quote is `document.text[start:end]`; this is checked when it is drawn, and by `verify` later.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from importlib import resources
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.compound import parts_of
from chatbot.conversation import TURNS, frame_words, meanings, smalltalk
from chatbot.corpus import SECTION_JOINT, Document, header_of
from chatbot.dated import newest_year
from chatbot.disagreement import Statement
from chatbot.disagreement import positions as find_positions
from chatbot.encoder import Encoder, load_encoder
from chatbot.errors import IndexBroken, QuestionError
from chatbot.formats.table import cells_of, column_names, row_cells, row_sentence
from chatbot.index import Hit, PassageIndex, PassageStore, Pool, Question, Rows, current_generation
from chatbot.inline import is_markdown, on_one_line
from chatbot.numbered import names_them, wanted_of
from chatbot.quantities import clock_times, years
from chatbot.reader import (
    Asked,
    Candidate,
    Evidence,
    NetworkReader,
    answers_of_kind,
    asks,
    load_network_reader,
    read,
    short_answer,
    worth_reading,
)
from chatbot.spelling import put_right, says_nothing
from chatbot.starting import presentable, question_about
from chatbot.suggested import Tried, complete, first_answered, spread
from chatbot.terms import STOP_WORDS, Term, stems, terms
from chatbot.writing import sendable

LONGEST_QUESTION = 2000  # characters
MOST_CHOSEN = 1_000  # documents that a question may be limited to
HITS = 10
MOST_QUOTES = 4
MOST_DOCUMENTS = 3
RERANK_WEIGHT = 0.02  # of the reader beside the search; twice that gains more on prose, costs more on FAQs
MOST_TRIED = 5_000  # of the corpus' questions, for the page to suggest
NAMED_BY = 5  # best passages that tell which words of a question are names
COMPARED = 8  # best sentences that are looked through for values that differ

SIGNALS = (
    "evidence",  # score of the best sentence
    "network",  # the trained reader's logit of the best sentence, 0 without it
    "network_any",  # log of the sum over all sentences read
    "cosine",  # of the question and the best sentence
    "dense",  # best cosine of question and passage
    "contrast",  # how far that is above the pool's mean
    "coverage",  # of the question's stems by the best sentence, weighted by idf
    "context",  # by its passage
    "rare",  # whether the rarest stem is in the best sentence
    "unknown",  # share of the question's stems that the corpus does not have, weighted by idf
    "names",  # share of the question's names and numbers in the best sentence's passage
    "agreement",  # overlap of the five best of each search
    "typed",  # the best sentence holds something of the asked type
)

QUOTE_SIGNALS = (
    "score",  # of the sentence
    "share",  # logarithm of its part of all sentences' likelihood, which falls as rivals rise
    "network",  # the trained reader's logit of it, 0 without it
    "network_any",  # as in SIGNALS
)

REFUSALS = ("closest", "not_found")  # of the states of an answer
UNMENTIONED = "Not mentioned in the passages quoted:"  # before the names that are not
UNANSWERED = "Nothing found for:"  # before a part of the question
AS_OF = "You ask of now; the latest year in the quotes is"  # before the year
SOUND = 0.3  # confidence of a quote from which it completes an answer to several questions
OUTDOES = 0.3  # by so much more confident a part's quote stands first: of 212 such pairs right for .840, else for .745
CARRIES = 0.7  # confidence of an answer to one of several questions with which it stands for all
SURE, LIKELY = 0.8, 0.5  # confidence from which a quote is called so

Step = str  # "searching" or "reading"
Section = tuple[str, str]  # a document's id, and the headings of a passage


@dataclass(frozen=True)
class Citation:
    """One quote. `start` and `end` are characters of the document's text, half-open.

    `confidence` is the probability that the quote answers the question; None in an answer of old. `head` are the
    names of the columns where the quote is a row of a Markdown table, as they stand in the document.
    """

    number: int
    doc_id: str
    title: str
    section: str
    source: str
    page: int | None
    start: int
    end: int
    quote: str
    doc_sha256: str
    confidence: float | None = None
    head: str = ""

    @property
    def words(self) -> str:
        """The quote as it is shown, see `on_one_line`; a row below a head as "Year: 1890; Keeper: Mary Reid"."""
        if self.head:
            cells, names = (
                [on_one_line(row[start:end], self.doc_id) for start, end in cells_of(row)]
                for row in (self.quote, self.head)
            )
            if len(cells) <= len(names):
                return row_sentence(cells, names)
        return on_one_line(self.quote, self.doc_id)

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "head" or value}


@dataclass(frozen=True)
class Stated:
    """A value on which sources differ, as written, who gives it ("" unnamed), and the citations that do."""

    value: str
    said_by: str
    citations: tuple[int, ...]


@dataclass(frozen=True)
class NotFound:
    """What was looked for in vain: words of the question that occur nowhere, and how much was searched."""

    missing_terms: tuple[str, ...]
    documents: int
    passages: int
    unread_files: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """`confidence` is the probability that the corpus answers; `text` holds the quotes and [numbers]."""

    question: str
    standalone_question: str
    status: str  # answered, disagreement, closest, not_found or smalltalk
    text: str
    short_answer: str
    confidence: float
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    not_found: NotFound | None  # where nothing answers, or words of the question lack in what is unsure
    index: dict[str, str]
    milliseconds: dict[str, float]
    positions: tuple[Stated, ...] = ()  # two or more where status is "disagreement"
    only: tuple[str, ...] = ()  # the documents that were searched, in the order of their ids; none: all
    unmentioned: tuple[str, ...] = ()  # names of the question, as typed, that no passage quoted from has
    unanswered: tuple[str, ...] = ()  # of several questions at once, those that nothing answers
    as_of: int = 0  # the latest year in the quotes, where the question is of now and these are not

    def to_json(self) -> dict[str, Any]:
        missing = self.not_found
        return {
            "question": self.question,
            "standalone_question": self.standalone_question,
            "status": self.status,
            "text": self.text,
            "short_answer": self.short_answer,
            "confidence": self.confidence,
            "citations": [citation.to_json() for citation in self.citations],
            **({"positions": [asdict(stated) for stated in self.positions]} if self.positions else {}),
            **({"only": list(self.only)} if self.only else {}),
            **({"unmentioned": list(self.unmentioned)} if self.unmentioned else {}),
            **({"unanswered": list(self.unanswered)} if self.unanswered else {}),
            **({"as_of": self.as_of} if self.as_of else {}),
            "hits": [
                {
                    "rank": hit.rank,
                    "doc_id": hit.passage.doc_id,
                    "start": hit.passage.start,
                    "end": hit.passage.end,
                    "score": hit.score,
                    "why": hit.why,
                }
                for hit in self.hits
            ],
            "not_found": None
            if missing is None
            else {
                "missing_terms": list(missing.missing_terms),
                "searched": {"documents": missing.documents, "passages": missing.passages},
                "unread_files": list(missing.unread_files),
            },
            "index": self.index,
            "milliseconds": self.milliseconds,
        }


@dataclass(frozen=True)
class Reading:
    """All that was found out about one question, before it is decided how to answer."""

    asked: Asked
    pool: Pool
    hits: list[Hit]
    evidence: list[Evidence]
    signals: NDArray[np.float64]  # (len(SIGNALS),)
    encode_ms: float
    search_ms: float
    read_ms: float


class Chatbot:
    """Answers from one index folder; takes over a newer generation by itself. Safe for several threads."""

    def __init__(
        self,
        folder: Path,
        encoder: Encoder,
        network: NetworkReader | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.encoder = encoder
        self.network = network
        chosen = parameters or load_parameters()
        self.parameters = chosen["trained" if network else "untrained"]
        self.index = PassageIndex.open(folder, encoder)
        self.asked_at = -math.inf  # time.monotonic() of the latest question
        self._lock = threading.Lock()
        self._tried = Tried()
        self._questions = ("", dict[str, Section | None]())  # a generation and what it may suggest

    @classmethod
    def open(cls, folder: Path, model: str | None = None) -> Chatbot:
        """With the encoder called `model` and, where its weights are there, the trained reader."""
        return cls(folder, load_encoder(model), load_network_reader())

    def answer(
        self,
        question: str,
        history: Sequence[str] = (),
        answers: Sequence[str] = (),
        only: frozenset[str] | None = None,
        *,
        verbatim: bool = False,
    ) -> Answer:
        """The answer to a question; `history` holds the user's earlier ones, oldest first.

        answers[i] is what was quoted for history[i]; a follow-up may refer to that as well. `only` names
        the documents to answer from, all if there are none in it. `verbatim` leaves misspelt words as they are.
        """
        *_, answer = self.steps(question, history, answers, only, verbatim=verbatim)
        assert isinstance(answer, Answer)
        return answer

    def steps(
        self,
        question: str,
        history: Sequence[str] = (),
        answers: Sequence[str] = (),
        only: frozenset[str] | None = None,
        *,
        verbatim: bool = False,
    ) -> Iterator[Step | Answer]:
        """What is being done, then the Answer.

        Raises QuestionError for a question that is none, and for documents that are not there.
        """
        question = check_question(question)
        self.asked_at = time.monotonic()
        reply = smalltalk(question)
        index = self.live()
        only = check_chosen(only, index)
        if reply is not None:
            yield self._smalltalk(question, reply, index)
            return
        yield "searching"
        turns = [*map(_readable, history), question]
        *before, spelt = turns if verbatim else _spelt(turns, index)
        searched = [self._search(meant, index, only) for meant in meanings(spelt, before, answers)]
        yield "reading"
        reading = self._meant(spelt, [self._read(some, index) for some in searched])
        answer = self._decide(question, reading.asked.text, reading, index, only)
        parts = parts_of(spelt)
        yield self._completed(answer, parts, before, index, only) if len(parts) > 1 else answer

    def reading(
        self, question: str, history: Sequence[str] = (), only: frozenset[str] | None = None
    ) -> Reading:
        """The signals and sentences on which `answer` decides; for fitting and for curiosity."""
        index = self.live()
        *before, question = _spelt([*map(_readable, history), check_question(question)], index)
        return self._read_in(question, meanings(question, before), index, only)

    def answers(self, question: str) -> bool:
        """Whether the documents answer it; one made from a section, with a quote of that. Tried once a generation."""
        return self._answers((question, self._suggestable().get(question)))

    def _answers(self, made: tuple[str, Section | None]) -> bool:
        question, section = made
        generation = self.live().generation
        return self._tried.answered(made, generation, lambda _: self._is_answered(question, section=section))

    def _is_answered(
        self, question: str, only: frozenset[str] | None = None, section: Section | None = None
    ) -> bool:
        """With a `section`, whether a sentence of it is quoted."""
        reading = self.reading(question, only=only)
        if not reading.evidence or self._confidence(reading) < self.parameters["refusal"]["answered"]:
            return False
        if section is None:
            return True
        quoted = choose(reading.evidence, reading.hits, self.parameters["quotes"], reading.asked)
        passages = (reading.hits[evidence.candidate].passage for evidence in quoted)
        return section in {(passage.doc_id, passage.section) for passage in passages}

    def _meant(self, question: str, readings: Sequence[Reading]) -> Reading:
        """The reading as typed where that alone is answered and says something of its own: a name, three words, or what
        its asker does ("Where can I park?"); else the likeliest.

        A subject added from an earlier question would draw the answer to that one.
        """
        own = [term for term in terms(question) if not _HOW.search(question, 0, term.start)]
        answered = self.parameters["refusal"]["answered"]
        typed = [
            reading
            for reading in readings
            if reading.asked.text == question and reading.evidence
            if len(own) > 2
            or (own and _ASKER.search(question))
            or (len(own) > 1 and names(question, [hit.text for hit in reading.hits[:NAMED_BY]]))
            if self._confidence(reading) >= answered
        ]
        return _likeliest(readings, typed or readings)

    def _confidence(self, reading: Reading) -> float:
        refusal = self.parameters["refusal"]
        return probability(reading.signals, refusal["weights"], refusal["bias"])

    def examples(self, n: int = 6) -> list[str]:
        """Questions for an empty page that are answered: the corpus' own, else made from its documents."""
        return first_answered(spread(list(self._suggestable()), n), n, self.answers, 4 * n, seconds=4)

    def completions(self, typed: str, n: int = 5) -> list[str]:
        """The corpus' questions that go on like what is typed; only those already known to be answered."""
        known = self._tried.known(self.live().generation)
        return complete(typed, (made[0] for made in self._suggestable().items() if known.get(made)), n)

    def untried(self) -> str:
        """One of the corpus' questions that `answers` does not know yet, or ""."""
        known = self._tried.known(self.live().generation)
        listed = islice(self._suggestable().items(), MOST_TRIED)
        return next((made[0] for made in listed if made not in known), "")

    def _suggestable(self) -> dict[str, Section | None]:
        """The corpus' questions that can be shown; with those made, the section that is to answer them."""
        index = self.live()
        if self._questions[0] != index.generation:
            shown = {q.text: _section_of(q) for q in index.questions() if presentable(q.text)}
            self._questions = index.generation, shown
        return self._questions[1]

    def suggestions(self, answer: Answer, asked: Sequence[str] = (), n: int = 3) -> list[str]:
        """Questions that the documents of an answer lead on to, and that are answered as it was.

        Raises QuestionError where a document that alone was asked is gone.
        """
        only = frozenset(answer.only)

        def answers(made: tuple[str, Section | None]) -> bool:
            question, section = made
            return self._is_answered(question, only, section) if only else self._answers(made)

        found = first_answered(self._leading_on(answer, asked), n, answers, 2 * n, seconds=1)
        return [question for question, _ in found]

    def _leading_on(self, answer: Answer, asked: Sequence[str]) -> Iterator[tuple[str, Section | None]]:
        """None that repeats another or one that was asked."""
        index = self.live()
        documents = [c.doc_id for c in answer.citations] or [hit.passage.doc_id for hit in answer.hits[:3]]
        seen = [set(stems(text)) for text in (*asked, answer.question, answer.standalone_question)]
        for text, section in self._next_questions(index, list(dict.fromkeys(documents))):
            words = set(stems(text))
            if all(len(words & other) < 0.7 * max(len(words), 1) for other in seen):
                yield text, section
                seen.append(words)

    def _next_questions(
        self, index: PassageIndex, documents: Sequence[str]
    ) -> Iterator[tuple[str, Section | None]]:
        """The corpus' own, then one about each section, which is to answer it."""
        own = [q for q in index.questions() if q.section is None and presentable(q.text)]
        for doc_id in documents:
            yield from ((question.text, None) for question in own if doc_id in question.documents)
        titles = dict(index.titles())
        for doc_id in documents:
            for section in index.sections(doc_id)[:4]:
                if text := question_about(section.split(SECTION_JOINT)[-1], titles.get(doc_id) or doc_id):
                    yield text, (doc_id, section)

    def live(self) -> PassageIndex:
        """The index, changed over to the live generation if that is a newer one."""
        index = self.index
        if current_generation(self.folder) != index.generation:
            with self._lock:
                if current_generation(self.folder) != self.index.generation:
                    self.index = PassageIndex.open(self.folder, self.encoder)
                index = self.index
        return index

    def _search(
        self, question: str, index: PassageIndex, only: frozenset[str] | None
    ) -> tuple[Asked, Pool, list[Hit], float, float]:
        started = time.perf_counter()
        encoded = self.encoder.encode_query(question)
        ready = time.perf_counter()
        pool = index.pool_of(encoded, question, only=only)
        hits = index.hits(pool, HITS)
        asked = Asked(question, encoded, {stem: index.idf(stem) for stem in stems(question)})
        return asked, pool, hits, (ready - started) * 1000, (time.perf_counter() - ready) * 1000

    def _read(self, searched: tuple[Asked, Pool, list[Hit], float, float], index: PassageIndex) -> Reading:
        asked, pool, hits, encode_ms, search_ms = searched
        started = time.perf_counter()
        evidence = read(asked, candidates(hits, index, asked), self.parameters["reader"], self.network)
        signals = answer_signals(asked, pool, hits, evidence, index)
        hits = _with_reader(hits, evidence) if self.network else hits
        return Reading(
            asked, pool, hits, evidence, signals, encode_ms, search_ms, (time.perf_counter() - started) * 1000
        )

    def _read_in(
        self, question: str, forms: Sequence[str], index: PassageIndex, only: frozenset[str] | None
    ) -> Reading:
        """A question read in each of the forms that it may be meant in, and of these readings the one to go by."""
        searched = [self._search(form, index, only) for form in forms]
        return self._meant(question, [self._read(some, index) for some in searched])

    def _completed(
        self,
        answer: Answer,
        parts: Sequence[str],
        before: Sequence[str],
        index: PassageIndex,
        only: frozenset[str] | None,
    ) -> Answer:
        """An answer to several questions at once, with a quote for each that it leaves out and what nothing answers.

        What sources differ in is left as it is. Where nothing answered the whole, every part must be answered, or one
        with much confidence.
        Of 276 made of two that `dev` and `fit` ask of the same article both were answered with a sentence on evidence for .101
        as one question and for .395 so, one of them for .681 and .812; of 53 with one that nothing answers and 51 with two
        .55 and .31 were answered before, .64 and .35 so.
        """
        asked, apart = list(before), list[Answer]()
        for part in parts:
            forms = meanings(part, asked)
            if apart and forms == [part] and len(terms(part)) < 3 and not names(part, ()):
                forms = [f"{part.rstrip('?')} ({parts[0].rstrip('?')})?"]  # "who won?"
            reading = self._read_in(part, forms, index, only)
            apart.append(self._decide(part, part, reading, index, only))
            asked.append(part)
        sound = [one for one in apart if one.status not in REFUSALS and _first_confidence(one) >= SOUND]
        refused = tuple(
            part[:1].upper() + part[1:]
            for part, one in zip(parts, apart, strict=True)
            if one not in sound
            and not any(_says_the_same(*pair) for pair in product(one.citations[:2], answer.citations))
        )
        best = max((one.confidence for one in sound), default=0.0)
        if answer.status in REFUSALS and (len(sound) == len(parts) or best >= CARRIES):
            answer = replace(
                answer,
                status="answered",
                short_answer="",
                confidence=min(one.confidence for one in sound),
                citations=(),
                not_found=None,
            )
        elif answer.status != "answered":
            return answer
        quoted = list(answer.citations)
        first = max(sound, key=_first_confidence, default=answer)
        if quoted and _first_confidence(first) > _first_confidence(answer) + OUTDOES:
            answer = replace(answer, short_answer=first.short_answer)
            quoted = [first.citations[0], *(c for c in quoted if not _says_the_same(c, first.citations[0]))]
        citations = with_each(quoted, [one.citations[:2] for one in sound])
        hits = _with_cited(answer.hits, citations, [hit for one in sound for hit in one.hits])
        told = _stems_of(hit for hit in hits if any(holds(hit, citation) for citation in citations))
        return replace(
            answer,
            text=_text(answer.status, citations),
            citations=citations,
            hits=hits,
            unmentioned=tuple(name for name in answer.unmentioned if not told.issuperset(stems(name))),
            milliseconds=_total([answer.milliseconds, *[one.milliseconds for one in apart]]),
            unanswered=refused if len(refused) < len(parts) else (),
            as_of=_as_of(answer.question, citations),
        )

    def _decide(
        self, question: str, meant: str, reading: Reading, index: PassageIndex, only: frozenset[str] | None
    ) -> Answer:
        refusal = self.parameters["refusal"]
        confidence = self._confidence(reading)
        if not reading.evidence or confidence < refusal["closest"] or says_nothing(meant, index):
            status = "not_found"
        else:
            status = "answered" if confidence >= refusal["answered"] else "closest"
        if status == "answered" and _of_other_numbers(reading):
            status = "closest"
        chosen: list[Evidence] = []
        values: list[tuple[str, str, list[Evidence]]] = []
        if status != "not_found":
            chosen = choose(reading.evidence, reading.hits, self.parameters["quotes"], reading.asked)
        if status == "answered" and confidence >= LIKELY and (values := self._differing(reading)):
            status = "disagreement"
            chosen = _of_each(values)
        citations = self._citations(chosen, reading, index)
        in_vain = _as_typed(_in_vain(status, confidence, meant, index, only), meant, question)
        told = in_vain.missing_terms if in_vain else ()
        unmentioned = () if status in REFUSALS else _unmentioned(question, reading, chosen)
        as_of = 0 if status in REFUSALS else _as_of(question, citations)
        is_short = status == "answered" and not as_of
        short = first_short(reading.asked, citations, chosen) if is_short else ""
        return Answer(
            question,
            meant,
            status,
            _text(status, citations),
            short,
            round(confidence, 4),
            citations,
            tuple(rerank(reading.hits)),
            in_vain,
            _index_of(index),
            {
                "encode": round(reading.encode_ms, 1),
                "search": round(reading.search_ms, 1),
                "read": round(reading.read_ms, 1),
            },
            tuple(
                Stated(
                    value, said_by, tuple(n for n, e in enumerate(chosen, 1) if any(e is g for g in givers))
                )
                for value, said_by, givers in values
            ),
            tuple(sorted(only or ())),
            tuple(word for word in unmentioned if word not in told),
            as_of=as_of,
        )

    def _citations(
        self, chosen: Sequence[Evidence], reading: Reading, index: PassageIndex
    ) -> tuple[Citation, ...]:
        cited = [reading.hits[evidence.candidate] for evidence in chosen]
        documents = {doc_id: index.document(doc_id) for doc_id in {hit.passage.doc_id for hit in cited}}
        model = self.parameters["quote"]
        return tuple(
            _cite(
                number,
                evidence,
                hit.passage.section,
                documents[hit.passage.doc_id],
                probability(quote_signals(evidence, reading), model["weights"], model["bias"], QUOTE_SIGNALS),
            )
            for number, (evidence, hit) in enumerate(zip(chosen, cited, strict=True), 1)
        )

    def _differing(self, reading: Reading) -> list[tuple[str, str, list[Evidence]]]:
        """Values on which the best sentences differ, who gives them, and in which sentences."""
        # with the margin of the asked kind, which may be wider, more of them differ in something else
        least = reading.evidence[0].score - self.parameters["quotes"]["broad_margin"]
        compared = [e for e in reading.evidence[:COMPARED] if e.score >= least]
        hits = [reading.hits[e.candidate] for e in compared]
        statements = [
            Statement(e.text, hit.passage.doc_id, hit.title, hit.passage.section, e.score)
            for e, hit in zip(compared, hits, strict=True)
        ]
        found = find_positions(reading.asked.text, reading.asked.kind, statements)
        return [(p.value, p.said_by, [compared[i] for i in p.statements]) for p in found[:MOST_QUOTES]]

    def _smalltalk(self, question: str, reply: str, index: PassageIndex) -> Answer:
        return Answer(question, question, "smalltalk", reply, "", 1.0, (), (), None, _index_of(index), {})


def _with_reader(hits: Sequence[Hit], evidence: Sequence[Evidence]) -> list[Hit]:
    """The hits with the trained reader's best logit among their parts, where it has read them."""
    count = worth_reading([hit.score for hit in hits])
    best: dict[int, float] = {}
    for item in evidence:
        if item.candidate < count:
            best[item.candidate] = max(item.network, best.get(item.candidate, -math.inf))
    return [
        replace(hit, why={**hit.why, "reader": round(best[i], 4)}) if i in best else hit
        for i, hit in enumerate(hits)
    ]


def candidates(hits: Sequence[Hit], index: PassageIndex, asked: Asked | None = None) -> list[Candidate]:
    """The hits as the reader takes them; for the trained network alone `asked` may be left out."""
    tokens = index.sentence_tokens(hits, asked.encoded, asked.text) if asked else [None] * len(hits)
    return [
        Candidate(
            hit.text,
            hit.passage.start,
            header_of(hit.title, hit.passage.section),
            hit.passage.sentences,
            index.sentence_vectors(hit.row),
            hit.score,
            of_sentences,
        )
        for hit, of_sentences in zip(hits, tokens, strict=True)
    ]


def rerank(hits: Sequence[Hit]) -> list[Hit]:
    """Hits by search and trained reader together, best first; as they are where nothing was read.

    Only the best hits are read, and none of them falls below one that was not.
    """
    if all("reader" not in hit.why for hit in hits):
        return list(hits)
    scored = [replace(hit, score=joint_score(hit.score, hit.why.get("reader"))) for hit in hits]
    ranked = sorted(scored, key=lambda hit: -hit.score)
    return [replace(hit, rank=rank) for rank, hit in enumerate(ranked, 1)]


def joint_score(score: float, logit: float | None = None) -> float:
    """(score + w·p) / (1 + w), in 0..1: p is the logistic function of the reader's logit, 0 where it has not read."""
    read = 0.0 if logit is None else logistic(logit)
    return (score + RERANK_WEIGHT * read) / (1 + RERANK_WEIGHT)


def _of_each(values: Sequence[tuple[str, str, list[Evidence]]]) -> list[Evidence]:
    """The best sentence for each value, the best of all first; one that gives several is taken once."""
    best = {(givers[0].candidate, givers[0].span): givers[0] for _, _, givers in values}
    return sorted(best.values(), key=lambda evidence: -evidence.score)


def check_question(question: str) -> str:
    """The question without white space around it. Raises QuestionError when there is nothing to ask."""
    question = _readable(question).strip()
    if not question:
        raise QuestionError("Please type a question.")
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(
            f"Your question has {len(question):,} characters; please shorten it to {LONGEST_QUESTION:,}."
        )
    if not re.search(r"\w", question):
        raise QuestionError("There is no word in that; please ask in words.")
    return question


def _readable(text: str) -> str:
    """Without what no text has: null characters, and halves of characters, such as a name in another encoding leaves."""
    return sendable(text.replace("\0", ""))


def check_chosen(only: frozenset[str] | None, index: PassageIndex) -> frozenset[str] | None:
    """The documents to answer from, None for all. Raises QuestionError for too many or an unknown one."""
    if not only:
        return None
    if len(only) > MOST_CHOSEN:
        raise QuestionError(f"{len(only):,} documents are chosen; choose at most {MOST_CHOSEN:,}, or none")
    index.rows_of(only)
    return only


def load_parameters() -> dict[str, Any]:
    """Weights and thresholds as `scripts/fit_answers.py` wrote them."""
    text = resources.files("chatbot").joinpath("parameters.json").read_text("utf-8")
    parameters: dict[str, Any] = json.loads(text)
    return parameters


# Does the corpus answer? --------------------------------------------------------------------


def answer_signals(
    asked: Asked, pool: Pool, hits: Sequence[Hit], evidence: Sequence[Evidence], index: PassageIndex
) -> NDArray[np.float64]:
    """`SIGNALS` of one question; all 0 when nothing was found."""
    if not evidence:
        return np.zeros(len(SIGNALS))
    best = evidence[0]
    hit = hits[best.candidate]
    total = sum(asked.weights.values()) or 1.0
    unknown = sum(w for stem, w in asked.weights.items() if not index.document_frequency(stem)) / total
    around = set(stems(f"{hit.title} {hit.passage.section} {hit.text}"))
    wanted = names(asked.text, ())
    network = [e.network for e in evidence]
    dense = float(pool.dense.max())
    return np.array(
        [
            best.score,
            max(network),
            float(np.logaddexp.reduce(network)) if any(network) else 0.0,
            best.feature("cosine"),
            dense,
            dense - float(pool.dense.mean()),
            best.feature("coverage"),
            best.feature("context"),
            best.feature("rare"),
            unknown,
            len(wanted & around) / len(wanted) if wanted else 1.0,
            _agreement(pool),
            best.feature("typed"),
        ]
    )


def _likeliest(readings: Sequence[Reading], among: Sequence[Reading]) -> Reading:
    """The one of `among` in which the trained reader finds most of an answer; the time is that of all."""
    place = SIGNALS.index("network_any")
    best = max(among, key=lambda reading: reading.signals[place])  # of equals the first
    encode, search, read = (
        sum(times) for times in zip(*((r.encode_ms, r.search_ms, r.read_ms) for r in readings), strict=True)
    )
    return replace(best, encode_ms=encode, search_ms=search, read_ms=read)


def confidence_word(confidence: float) -> str:
    """sure, likely or unsure."""
    return "sure" if confidence >= SURE else "likely" if confidence >= LIKELY else "unsure"


def _spelt(questions: Sequence[str], index: PassageIndex) -> list[str]:
    """The last question and those before that it may refer to, with misspelt words put right."""
    late = len(questions) - 1 - TURNS
    return [put_right(text, index) if n >= late else text for n, text in enumerate(questions)]


def quote_signals(item: Evidence, reading: Reading) -> NDArray[np.float64]:
    """`QUOTE_SIGNALS` of one of the sentences read."""
    everything = float(np.logaddexp.reduce([e.score for e in reading.evidence]))
    any_network = float(reading.signals[SIGNALS.index("network_any")])
    return np.array([item.score, item.score - everything, item.network, any_network])


def probability(
    signals: NDArray[np.float64],
    weights: Mapping[str, float],
    bias: float,
    names: Sequence[str] = SIGNALS,
) -> float:
    """Logistic model over the signals with these names; 0..1."""
    total = bias + float(
        sum(weights.get(name, 0.0) * value for name, value in zip(names, signals, strict=True))
    )
    return logistic(total)


def logistic(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, logit))))


def names(question: str, texts: Sequence[str]) -> set[str]:
    """Stems of the question's names and numbers: what it writes with a capital behind its first word or in digits, and
    what these texts write with a capital inside sentences more than twice as often as without. A question all in
    capitals names nothing by them.
    """
    found = terms(question)
    shouted = _is_caseless(question)
    own = {
        term.stem
        for number, term in enumerate(found)
        if question[term.start].isdigit()
        or (not shouted and question[term.start].isupper() and (number or not _first(term, question)))
    }
    capital, small = Counter[str](), Counter[str]()
    asked = {term.stem for term in found} - own
    for text in texts if asked else ():
        for term in terms(text):
            if term.stem in asked and not _BEGINS.search(text, max(0, term.start - 3), term.start):
                (capital if text[term.start].isupper() else small)[term.stem] += 1
    return own | {stem for stem in asked if capital[stem] > 2 * small[stem]}


# what stands before the first word of a sentence or cell
_BEGINS = re.compile(r"(?:\A|[.!?:;|\n])[\"'“‘(\s]*\Z")


def _is_caseless(question: str) -> bool:
    """Whether capitals tell nothing: all letters are, or all words begin with one ("How Much Is The Fee?")."""
    later = question.split()[1:]
    titled = question.istitle() and any(word.lower() in STOP_WORDS for word in later)
    return question.isupper() or titled


def _first(term: Term, question: str) -> bool:
    return not re.search(r"\w", question[: term.start])


def _agreement(pool: Pool) -> float:
    """Share of the five best of the dense search that are among the five best of the lexical one."""
    dense, words = (
        {int(i) for i in np.argsort(-scores, kind="stable")[:5] if scores[i] > -np.inf}
        for scores in (pool.scores("dense"), pool.scores("bm25"))
    )
    return len(dense & words) / 5


# What is quoted? ----------------------------------------------------------------------------


def choose(
    evidence: Sequence[Evidence], hits: Sequence[Hit], settings: Mapping[str, float], asked: Asked
) -> list[Evidence]:
    """The best sentence and up to three more that come near it, add something and stay in three documents."""
    evidence = _affirming(evidence, asked)
    broad = asked.kind in {"reason", "manner", "yes_no", "other"}
    evidence = _fullest_row_first(evidence, asked, settings["broad_margin"])
    least = evidence[0].score - settings["broad_margin" if broad else "narrow_margin"]
    chosen: list[Evidence] = []
    documents: set[str] = set()
    for item in evidence:
        doc_id = hits[item.candidate].passage.doc_id
        if len(chosen) == MOST_QUOTES or item.score < least:
            break
        if (len(documents) == MOST_DOCUMENTS and doc_id not in documents) or _repeats(item, chosen):
            continue
        if chosen and _is_other_row(item, chosen[0], asked):
            continue
        chosen.append(item)
        documents.add(doc_id)
    return chosen


def _affirming(evidence: Sequence[Evidence], asked: Asked) -> Sequence[Evidence]:
    """Of a question which things are so ("Which tools need the course?") without the rows of a table that say no
    ("Course needed: no"), if other rows with that column say something else. A row whose other cells have a word of
    the question is the one asked about ("What course does the ladder need?"); nor may all go.
    """
    if not _WHICH.match(asked.text) or _NEGATED.search(asked.text):
        return evidence
    rows = [row_cells(item.text) for item in evidence]
    said = [{name: cell.strip(" .").casefold() in _NO for name, cell in cells.items()} for cells in rows]
    named = {
        name
        for cells in said
        for name in cells
        if not name.isdigit() and (held := set(stems(name))) and held <= asked.weights.keys()
    }
    split = {name for name in named if {cells[name] for cells in said if name in cells} == {True, False}}
    denied = [any(cells.get(name) for name in split) for cells in said]
    others = [" ".join(cell for name, cell in cells.items() if name not in split) for cells in rows]
    kept = [
        item
        for item, no, beside in zip(evidence, denied, others, strict=True)
        if not no or asked.weights.keys() & stems(beside)
    ]
    return kept or evidence


def _fullest_row_first(evidence: Sequence[Evidence], asked: Asked, margin: float) -> Sequence[Evidence]:
    """Where the best is a row of a table, first the one near it that holds all of the question's words that it holds,
    and more: in "What does the oak desk cost?" that of the desk in oak, not in ash.
    """
    best = evidence[0]
    columns = row_cells(best.text).keys()
    if len(columns) < 2:
        return evidence
    own = asked.weights.keys() & stems(best.text)
    fuller = {
        number: len(held)
        for number, item in enumerate(evidence)
        if item.score >= best.score - margin and len(columns & row_cells(item.text).keys()) > 1
        if (held := asked.weights.keys() & stems(item.text)) > own
    }
    if not fuller:
        return evidence
    first = max(fuller, key=lambda number: fuller[number])  # of equals the best
    return [evidence[first], *evidence[:first], *evidence[first + 1 :]]


_WHICH = re.compile(r"\W*(?:which|what|who)\b", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:no|not|none|never|without|lack(?:s|ed|ing)?|missing|exempt|\w+n['’]t)\b", re.IGNORECASE
)
_NO = frozenset("no none false n ✗ ✘".split())


def first_short(asked: Asked, citations: Sequence[Citation], quoted: Sequence[Evidence]) -> str:
    """The short answer of the first quote, or of the second where the first holds nothing of the asked type.

    A quote that is unsure gives none, nor does one that is only likely where it holds several of the asked type, of which
    the wrong one is easily taken; nor a second one that lacks a name of the question; nor is one taken where the first is
    of another year than the question's, or of another version, which another quote has. That another quote holds
    clearly more of the question's words, and another value, says nothing: such quotes put first, 3 right ones were lost
    and 2 won in 903 questions of dev, xquad and squad_haystack.
    """
    told = [f"{citation.title} {citation.section} {citation.quote}" for citation in citations]
    wanted = years(asked.text)
    if told and wanted and years(citations[0].quote) and not wanted & years(told[0]):
        return ""
    if told and _of_another_number(asks(asked.text), told[0], told[1:]):
        return ""
    for citation, evidence, text in list(zip(citations, quoted, told, strict=True))[:2]:
        about = set(stems(text))
        fit = citation.number == 1 or names(asked.text, ()) <= about
        offered = answers_of_kind(evidence.text, asked.kind, asked.text)
        least = SURE if len({evidence.text[start:end] for start, end in offered}) > 1 else LIKELY
        if citation.head:  # with the names of its columns, and without a choice of the network
            evidence = replace(evidence, text=citation.words, answer=None)
        if fit and (citation.confidence or 0.0) >= least and (short := short_answer(asked, evidence)):
            return on_one_line(short, citation.doc_id)
        if offered:
            break
    return ""


def _of_another_number(question: str, first: str, others: Sequence[str]) -> bool:
    """Whether a text has a number like one of the question in its place ("2023" for "2022"), which others have."""
    lacking = _digits(question) - _digits(first)
    forms = {re.sub(r"\d", "0", number) for number in _digits(first)}
    return any(re.sub(r"\d", "0", number) in forms for number in lacking & _digits(" ".join(others)))


def _digits(text: str) -> set[str]:
    return {term.stem for term in terms(text) if term.stem[0].isdigit()}


def _repeats(item: Evidence, chosen: Sequence[Evidence]) -> bool:
    """Whether a sentence says nothing beyond one that is quoted already, as far as its words tell."""
    words = set(stems(item.text))
    for other in chosen:
        theirs = set(stems(other.text))
        if len(words & theirs) >= 0.75 * min(len(words), len(theirs) or 1):
            return True
    return False


def _is_other_row(item: Evidence, first: Evidence, asked: Asked) -> bool:
    """Whether it is a row like the first quote that lacks a word of the question which that one holds."""
    if len(row_cells(item.text).keys() & row_cells(first.text).keys()) < 2:
        return False
    return bool((set(stems(first.text)) - set(stems(item.text))) & asked.weights.keys())


def _of_other_numbers(reading: Reading) -> bool:
    """Whether the best sentence was one about other numbers, and no passage has what is asked about under its own:
    Level 1 and 2, but no Level 3.
    """
    if max(item.otherwise for item in reading.evidence) <= reading.evidence[0].score:
        return False
    texts = [f"{hit.title}. {hit.passage.section}. {hit.text}" for hit in reading.hits]
    return not any(names_them([one], text) for one in wanted_of(reading.asked.text) for text in texts)


def _cite(number: int, evidence: Evidence, section: str, document: Document, confidence: float) -> Citation:
    start, end = evidence.span
    quote = document.text[start:end]
    if quote != evidence.text or not quote.strip():
        raise IndexBroken(
            f"passage and document of {document.doc_id!r} differ; run scripts/rebuild_index.py --force"
        )
    return Citation(
        number,
        document.doc_id,
        document.title,
        section,
        document.source,
        document.page_at(start),
        start,
        end,
        quote,
        document.sha256,
        round(confidence, 4),
        head_of(document, start, end),
    )


def head_of(document: Document, start: int, end: int) -> str:
    """`Citation.head` of what stands there."""
    return column_names(document.text, start, end) if is_markdown(document.doc_id) else ""


def _first_confidence(answer: Answer) -> float:
    return (answer.citations[0].confidence or 0.0) if answer.citations else 0.0


def with_each(quoted: Sequence[Citation], parts: Sequence[Sequence[Citation]]) -> tuple[Citation, ...]:
    """The quotes and, of each part, its likeliest unless they have one as likely; numbered anew, MOST_QUOTES at most.

    The first quote stays; of the others those that no part has give way.
    """
    needed, new = list[Citation](), list[Citation]()
    for part in parts:
        best = max(part, key=lambda quote: quote.confidence or 0.0)
        near = [quote for quote in part if (quote.confidence or 0.0) > (best.confidence or 0.0) - 0.1]
        told = [quote for quote in (*quoted, *new) if any(_says_the_same(quote, other) for other in near)]
        (needed if told else new).append(told[0] if told else best)
    beside = [quote for quote in quoted[1:] if quote not in needed]
    room = max(MOST_QUOTES - len(new) - (len(quoted) - len(beside)), 0)
    kept = [quote for quote in quoted if quote not in beside or quote in beside[:room]]
    return tuple(replace(quote, number=n) for n, quote in enumerate([*kept, *new][:MOST_QUOTES], 1))


def _says_the_same(one: Citation, other: Citation) -> bool:
    """In the same place, or in the same words."""
    if one.doc_id == other.doc_id and one.start < other.end and other.start < one.end:
        return True
    return stems(one.quote) == stems(other.quote)


def _total(times: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {stage: round(sum(spent[stage] for spent in times), 1) for stage in times[0]}


def _with_cited(hits: Sequence[Hit], citations: Sequence[Citation], others: Sequence[Hit]) -> tuple[Hit, ...]:
    """The hits, and behind them those of the others that a citation lies in and none of the hits holds."""
    held = list(hits)
    for citation in citations:
        if not any(holds(hit, citation) for hit in held):
            held += [hit for hit in others if holds(hit, citation)][:1]
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(held, 1))


def holds(hit: Hit, citation: Citation) -> bool:
    passage = hit.passage
    return passage.doc_id == citation.doc_id and passage.start <= citation.start < passage.end


def _text(status: str, citations: Sequence[Citation]) -> str:
    if status == "not_found":
        return "The documents do not answer this question."
    quoted = "\n".join(f"{c.words} [{c.number}]" for c in citations)
    if status == "disagreement":
        return f"The sources differ:\n{quoted}"
    if status == "closest":
        return f"The documents do not answer this question. The nearest they say:\n{quoted}"
    return quoted


def _not_found(question: str, index: PassageIndex, only: frozenset[str] | None) -> NotFound:
    if only:
        within = index.rows_of(only)
        return NotFound(missing_terms(question, index, within), len(only), len(within), ())
    return NotFound(
        missing_terms(question, index),
        index.manifest["documents"],
        index.manifest["passages"],
        tuple(item["path"] for item in index.manifest["unread_files"]),
    )


def _in_vain(
    status: str, confidence: float, question: str, index: PassageIndex, only: frozenset[str] | None
) -> NotFound | None:
    """What was looked for, where nothing answers or where an unsure answer leaves out words of the question."""
    if status in REFUSALS:
        return _not_found(question, index, only)
    found = _not_found(question, index, only) if confidence < LIKELY else None
    return found if found and found.missing_terms else None


def _as_typed(found: NotFound | None, meant: str, question: str) -> NotFound | None:
    """With words as they were typed, not as they were put right, for the documents have neither."""
    if found is None:
        return None
    read, typed = meant.split(), question.split()
    old = (
        {_LETTERS.sub("", a): _LETTERS.sub("", b) for a, b in zip(read, typed, strict=False)}
        if len(read) == len(typed)
        else {}
    )
    return replace(found, missing_terms=tuple(old.get(term, term) for term in found.missing_terms))


_LETTERS = re.compile(r"^\W+|\W+$")


def _as_of(question: str, citations: Sequence[Citation]) -> int:
    return newest_year(question, [citation.quote for citation in citations], date.today().year)


def _unmentioned(question: str, reading: Reading, quoted: Sequence[Evidence]) -> tuple[str, ...]:
    """Names and numbers of the question that stand nowhere in the passages quoted from, their titles or headings.

    A question that takes something wrong for granted often has one: "When did Stalin visit Tokyo?" An inflection or a
    relative is no other name: "Japanese", "Japan". What documents write with a capital counts where the asker has none;
    a misspelt word that was put right does not.
    """
    told = _stems_of(reading.hits[item.candidate] for item in quoted)
    beginnings = {stem[:_ALIKE] for stem in told}
    meant = set(stems(reading.asked.text))
    cased = _CAPITAL.search(question) and not _is_caseless(question)
    wanted = meant & names(question, () if cased else [h.text for h in reading.hits[:NAMED_BY]])
    lacking: list[tuple[int, int]] = []
    for term in _without_clock(terms(question), question):
        related = not term.stem[0].isdigit() and (
            term.stem[:_ALIKE] in beginnings
            or (len(term.stem) == _ALIKE - 1 and any(stem.startswith(term.stem) for stem in told))
        )
        is_name = term.stem in wanted and len(term.stem) > 1 and not _HOW.search(question, 0, term.start)
        if is_name and term.stem not in told and not related:
            joined = lacking and question[lacking[-1][1] : term.start] == " "  # "Far East"
            lacking.append((lacking.pop()[0] if joined else term.start, term.end))
    return tuple(dict.fromkeys(question[start:end] for start, end in lacking))


def _stems_of(hits: Iterable[Hit]) -> set[str]:
    """Of passages, their titles and headings."""
    return {stem for hit in hits for stem in stems(f"{hit.title} {hit.passage.section} {hit.text}")}


_CAPITAL = re.compile(r"\w.*[A-Z]")  # not the first word's
_ALIKE = 5  # letters at the beginning of a name and of its relatives


def missing_terms(question: str, index: PassageIndex, within: Rows | None = None) -> tuple[str, ...]:
    """Words of the question, as typed, that no passage has in any inflection.

    Not the "much" of "how much", nor a verb like "happens" that says nothing of the subject.
    """
    frame = frame_words(question)
    found = _without_clock(terms(question), question)
    wanted = (t for t in found if t.start not in frame and not _HOW.search(question, 0, t.start))
    words = (question[t.start : t.end] for t in wanted if not index.document_frequency(t.stem, within))
    return tuple(dict.fromkeys(words))


def _without_clock(found: Sequence[Term], question: str) -> list[Term]:
    """The terms without the parts of a time of day, which documents may write in another way: "18:00", "6 pm"."""
    times = clock_times(question)
    return [term for term in found if not any(a <= term.start < b for a, b in times)]


_HOW = re.compile(r"\bhow $", re.IGNORECASE)  # what follows says what is asked: "how much"
_ASKER = re.compile(r"\b(?:I|[Ww]e|[Yy]ou)\b")  # of a question about what its asker may or should do


def _index_of(index: PassageIndex) -> dict[str, str]:
    encoder = index.manifest["encoder"]
    return {"generation": index.generation, "encoder": f"{encoder['name']} {encoder['precision']}"}


def _section_of(question: Question) -> Section | None:
    """What a made question is to be answered from."""
    return None if question.section is None else (question.documents[0], question.section)


# Checking later -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """valid: the quote stands where it was; moved: elsewhere in its document; changed: no longer in it; gone: no document."""

    number: int
    doc_id: str
    state: str
    detail: str


def verify(answer: Mapping[str, Any], index: PassageStore) -> list[Verdict]:
    """A verdict on each citation of an answer's JSON, against the index as it is now.

    Raises QuestionError when it is not the JSON of an answer.
    """
    if not isinstance(answer, Mapping) or "citations" not in answer:
        raise QuestionError('not the JSON of an answer: it has no "citations"')
    try:
        return [_verdict(citation, index) for citation in answer["citations"]]
    except (KeyError, TypeError) as error:
        raise QuestionError(f"not the JSON of an answer: a citation lacks {error}") from error
    except (ValueError, OverflowError) as error:  # start, end or number
        raise QuestionError(f"not the JSON of an answer: a citation has no whole number ({error})") from error


def _verdict(citation: Mapping[str, Any], index: PassageStore) -> Verdict:
    number, doc_id, quote = int(citation["number"]), str(citation["doc_id"]), str(citation["quote"])
    start, end = int(citation["start"]), int(citation["end"])
    try:
        text = index.document(doc_id).text
    except LookupError:
        return Verdict(number, doc_id, "gone", "the document is no longer in the index")
    if quote and text[start:end] == quote:
        return Verdict(number, doc_id, "valid", f"stands at {start}:{end}")
    place = text.find(quote) if quote else -1
    if place >= 0:
        return Verdict(number, doc_id, "moved", f"now stands at {place}:{place + len(quote)}")
    if quote and _flat(quote) in _flat(text):
        return Verdict(
            number, doc_id, "changed", "these words stand there with other spaces, line ends or accents"
        )
    return Verdict(number, doc_id, "changed", "the document no longer holds these words")


def _flat(text: str) -> str:
    """With single spaces, and accents in one form."""
    return " ".join(unicodedata.normalize("NFC", text).split())
