"""Receipts: an answer as it was given, kept so that it can be shown, checked and asked again.

A receipt is the answer's JSON together with `format`, `time`, `collection`, `history` (the user's earlier
questions) and `history_quotes` (what was quoted for each). What `ask --json` prints is one too, without these.
`only` is there when the question was limited to documents.
A conversation exported from the page holds several, under "receipts".
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from chatbot.answer import (
    LONGEST_QUESTION,
    Answer,
    Chatbot,
    Citation,
    NotFound,
    Stated,
    Verdict,
    verify,
)
from chatbot.corpus import Passage
from chatbot.errors import ReceiptError
from chatbot.index import Hit
from chatbot.writing import write_at_once

FORMAT = 1
HISTORY = 20  # earlier turns kept; conversation.py looks at fewer
STATUSES = ("answered", "disagreement", "closest", "not_found", "smalltalk")
MOST_PARTS = 1_000  # citations, hits, … of one answer
MOST_FILES = 100_000  # named as not read, all of the collection's
REMEDY = "save it again with `ask --json` or from the page"


@dataclass(frozen=True)
class Receipt:
    """`time` is ISO 8601 in UTC; it and `collection` are "" in the plain output of `ask --json`."""

    answer: Answer
    history: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()  # quoted[i] was quoted for history[i]
    time: str = ""
    collection: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "time": self.time,
            "collection": self.collection,
            "history": list(self.history),
            "history_quotes": list(self.quoted),
            **self.answer.to_json(),
        }


def make_receipt(
    answer: Answer,
    history: Sequence[str] = (),
    quoted: Sequence[str] = (),
    *,
    collection: str = "",
    now: datetime | None = None,
) -> Receipt:
    pairs = list(zip_longest(history, quoted[: len(history)], fillvalue=""))[-HISTORY:]
    time = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
    return Receipt(answer, tuple(q for q, _ in pairs), tuple(a for _, a in pairs), time, collection)


# Reading ------------------------------------------------------------------------------------


def read_receipt(path: Path) -> Receipt:
    """The one receipt in a file. Raises ReceiptError."""
    receipts = read_receipts(path)
    if len(receipts) != 1:
        raise ReceiptError(f"{path} holds {len(receipts)} receipts; give a file with one")
    return receipts[0]


def read_receipts(path: Path) -> list[Receipt]:
    """The receipts in a file: one, or those of an exported conversation. Raises ReceiptError."""
    try:
        data = json.loads(path.read_bytes())  # in any UTF, with a mark or without
    except OSError as error:
        raise ReceiptError(f"{path} cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise ReceiptError(f"{path} is not JSON ({error}); {REMEDY}") from error
    if isinstance(data, dict) and isinstance(data.get("receipts"), list):
        return [parse_receipt(item, f"{path}: receipts[{n}]") for n, item in enumerate(data["receipts"])]
    return [parse_receipt(data, str(path))]


def parse_receipt(data: object, where: str = "receipt") -> Receipt:
    """A receipt from its JSON, which may come from anyone. Raises ReceiptError that begins with `where`."""
    receipt = _Part.of(data, where)
    written = receipt.data.get("format", FORMAT)
    if written != FORMAT:
        raise ReceiptError(
            f'{where}: "format" is {json.dumps(written)[:40]}, this program reads {FORMAT};'
            " open it with the version of Footnote that wrote it"
        )
    history = receipt.texts("history") if "history" in receipt.data else []
    quoted = receipt.texts("history_quotes") if "history_quotes" in receipt.data else []
    pairs = list(zip_longest(history, quoted[: len(history)], fillvalue=""))[-HISTORY:]
    return Receipt(
        _answer(receipt),
        tuple(question for question, _ in pairs),
        tuple(quote for _, quote in pairs),
        receipt.text("time", ""),
        receipt.text("collection", ""),
    )


@dataclass(frozen=True)
class _Part:
    """A JSON object within a receipt, and where it stands."""

    data: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, data: object, where: str) -> _Part:
        if not isinstance(data, dict):
            raise ReceiptError(f"{where} is not a JSON object; {REMEDY}")
        return cls(data, where)

    def text(self, key: str, missing: str | None = None) -> str:
        value = self._value(key, "a string", missing)
        return value if isinstance(value, str) else self._refuse(key, "a string")

    def whole(self, key: str, least: int = 0) -> int:
        value = self._value(key, "a whole number")
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**53:
            self._refuse(key, f"a whole number of at least {least}")
        return int(value)

    def number(self, key: str) -> float:
        value = self._value(key, "a number")
        most = sys.float_info.max  # a whole number of JSON may be greater
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= most:
            self._refuse(key, "a number")
        return float(value)

    def share(self, key: str) -> float:
        value = self.number(key)
        return value if 0 <= value <= 1 else self._refuse(key, "between 0 and 1")

    def texts(self, key: str, most: int = MOST_PARTS) -> list[str]:
        values = self._list(key, most)
        if not all(isinstance(value, str) for value in values):
            self._refuse(key, "a list of strings")
        return values

    def wholes(self, key: str) -> list[int]:
        values = self._list(key)
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            self._refuse(key, "a list of whole numbers")
        return values

    def part(self, key: str) -> _Part:
        return _Part.of(self._value(key, "an object"), f"{self.where}: {key}")

    def parts(self, key: str) -> list[_Part]:
        return [_Part.of(item, f"{self.where}: {key}[{n}]") for n, item in enumerate(self._list(key))]

    def numbers(self, key: str) -> dict[str, float]:
        part = self.part(key)
        return {name: part.number(name) for name in part.data}

    def _list(self, key: str, most: int = MOST_PARTS) -> list[Any]:
        values = self._value(key, "a list")
        if not isinstance(values, list) or len(values) > most:
            self._refuse(key, f"a list of at most {most:,}")
        return list(values)

    def _value(self, key: str, kind: str, missing: Any = None) -> Any:
        value = self.data.get(key, missing)
        if value is None:
            raise ReceiptError(f'{self.where}: "{key}" is missing, expected {kind}; {REMEDY}')
        return value

    def _refuse(self, key: str, kind: str) -> Any:
        raise ReceiptError(f'{self.where}: "{key}" is not {kind}; {REMEDY}')


def _answer(part: _Part) -> Answer:
    status, question = part.text("status"), part.text("question")
    if status not in STATUSES:
        raise ReceiptError(f'{part.where}: "status" is none of {", ".join(STATUSES)}; {REMEDY}')
    if not question.strip() or len(question) > LONGEST_QUESTION:
        raise ReceiptError(
            f'{part.where}: "question" is empty or longer than {LONGEST_QUESTION:,} characters; {REMEDY}'
        )
    index = part.part("index")
    return Answer(
        question,
        part.text("standalone_question"),
        status,
        part.text("text"),
        part.text("short_answer"),
        part.share("confidence"),
        _citations(part),
        tuple(map(_hit, part.parts("hits"))),
        None if part.data.get("not_found") is None else _not_found(part.part("not_found")),
        {name: index.text(name) for name in index.data},
        part.numbers("milliseconds") if "milliseconds" in part.data else {},
        tuple(map(_stated, part.parts("positions"))) if "positions" in part.data else (),
        tuple(part.texts("only")) if "only" in part.data else (),
        tuple(part.texts("unmentioned")) if "unmentioned" in part.data else (),
        tuple(part.texts("unanswered")) if "unanswered" in part.data else (),
        part.whole("as_of") if "as_of" in part.data else 0,
    )


def _citations(part: _Part) -> tuple[Citation, ...]:
    citations = tuple(map(_citation, part.parts("citations")))
    if [citation.number for citation in citations] != list(range(1, len(citations) + 1)):
        raise ReceiptError(f"{part.where}: citations are not numbered 1, 2, 3, …; {REMEDY}")
    return citations


def _citation(part: _Part) -> Citation:
    start = part.whole("start")
    return Citation(
        part.whole("number", 1),
        part.text("doc_id"),
        part.text("title"),
        part.text("section", ""),
        part.text("source"),
        None if part.data.get("page") is None else part.whole("page", 1),
        start,
        part.whole("end", start),
        part.text("quote"),
        part.text("doc_sha256", ""),
        None if part.data.get("confidence") is None else part.share("confidence"),
    )


def _hit(part: _Part) -> Hit:
    start = part.whole("start")
    passage = Passage(part.text("doc_id"), start, part.whole("end", start), "", ())
    return Hit(passage, "", "", "", part.number("score"), part.whole("rank", 1), part.numbers("why"))


def _not_found(part: _Part) -> NotFound:
    searched = part.part("searched")
    return NotFound(
        tuple(part.texts("missing_terms")),
        searched.whole("documents"),
        searched.whole("passages"),
        tuple(part.texts("unread_files", MOST_FILES)),
    )


def _stated(part: _Part) -> Stated:
    return Stated(part.text("value"), part.text("said_by", ""), tuple(part.wholes("citations")))


# Keeping ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReceiptFolder:
    """Receipts in a folder, one JSON file each, named by a hash of its content."""

    folder: Path

    def keep(self, receipt: Receipt) -> str:
        """Write it unless it is there; its id. Raises OSError."""
        content = json.dumps(receipt.to_json(), indent=1).encode()
        receipt_id = _content_hash(content)
        path = self._path(receipt_id)
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_at_once(path, content)
        return receipt_id

    def load(self, receipt_id: str) -> Receipt:
        """Raises ReceiptError when the id is none, the file is not there, or not as it was written."""
        if not re.fullmatch(r"[0-9a-f]{20}", receipt_id):
            raise ReceiptError("this is not the address of an answer; check that the link is whole")
        path = self._path(receipt_id)
        if not path.is_file():
            raise ReceiptError(
                "no answer is kept under this address; it may have been made with another index"
            )
        if _content_hash(path.read_bytes()) != receipt_id:
            raise ReceiptError(f"{path} was changed after it was written; remove it, and make the link again")
        return read_receipt(path)

    def _path(self, receipt_id: str) -> Path:
        return self.folder / f"{receipt_id}.json"


def _content_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:20]


# Asking again -------------------------------------------------------------------------------


@dataclass(frozen=True)
class HitMove:
    """A passage whose rank is another; None where it is not among the hits."""

    doc_id: str
    start: int
    end: int
    then: int | None
    now: int | None


@dataclass(frozen=True)
class Replay:
    """A receipt beside the answer to the same question now; quotes are compared by document and words."""

    receipt: Receipt
    now: Answer
    verdicts: tuple[Verdict, ...]  # on each citation of the receipt

    @property
    def then(self) -> Answer:
        return self.receipt.answer

    @property
    def same(self) -> bool:
        """Whether a reader gets the same answer; ranks and scores may differ."""
        return (
            self.then.status == self.now.status
            and self.then.short_answer == self.now.short_answer
            and not self.new
            and not self.gone
        )

    @property
    def kept(self) -> tuple[Citation, ...]:
        return tuple(
            c for c in self.now.citations if _identity(c) in set(map(_identity, self.then.citations))
        )

    @property
    def new(self) -> tuple[Citation, ...]:
        return tuple(
            c for c in self.now.citations if _identity(c) not in set(map(_identity, self.then.citations))
        )

    @property
    def gone(self) -> tuple[Citation, ...]:
        return tuple(
            c for c in self.then.citations if _identity(c) not in set(map(_identity, self.now.citations))
        )

    @property
    def moved(self) -> tuple[HitMove, ...]:
        """Hits of another rank than then, new ones and lost ones, by their rank now, the lost ones last."""
        then, now = _ranks(self.then), _ranks(self.now)
        moves = (HitMove(*place, then.get(place), now.get(place)) for place in {**now, **then})
        return tuple(move for move in moves if move.then != move.now)

    def __str__(self) -> str:
        return "\n".join(_tell(self))


def replay(receipt: Receipt, chatbot: Chatbot) -> Replay:
    """Ask the receipt's question again, with the history and of the documents it was asked with.

    Of those that are still there; raises ReceiptError if none is.
    """
    then = receipt.answer
    only = frozenset(then.only) & {doc_id for doc_id, _ in chatbot.live().titles()}
    if then.only and not only:
        raise ReceiptError("none of the documents that it was asked of is in the index any more")
    typed = then.standalone_question == then.question  # and was not put right
    now = chatbot.answer(then.question, receipt.history, receipt.quoted, only, verbatim=typed)
    return Replay(receipt, now, tuple(verify(then.to_json(), chatbot.index)))


def _identity(citation: Citation) -> tuple[str, str]:
    return citation.doc_id, citation.quote


def _ranks(answer: Answer) -> dict[tuple[str, int, int], int]:
    return {(hit.passage.doc_id, hit.passage.start, hit.passage.end): hit.rank for hit in answer.hits}


def _tell(replay: Replay) -> Iterator[str]:
    then, now = replay.then, replay.now
    yield f"Question: {then.question}"
    asked = [replay.receipt.time, replay.receipt.collection, f"index {then.index.get('generation', '?')}"]
    yield f"Asked: {', '.join(filter(None, asked))}; now: index {now.index.get('generation', '?')}"
    yield "The answer is the same." if replay.same else "The answer is different."
    yield ""
    if then.only:
        yield f"looked only in: {', '.join(then.only)}"
        yield from (f"no longer there: {doc_id}" for doc_id in then.only if doc_id not in now.only)
    yield from _change("understood as", then.standalone_question, now.standalone_question)
    yield from _change("status", then.status, now.status)
    yield from _change("short answer", then.short_answer, now.short_answer)
    for word, citations in (("kept", replay.kept), ("new", replay.new), ("gone", replay.gone)):
        for citation in citations:
            yield f"quote {word}: [{citation.number}] {citation.title}: {citation.words}"
    yield f"hits: {len(now.hits)}; {len(replay.moved)} moved, new or lost"
    for move in replay.moved:
        yield f"  {_rank(move.then)} -> {_rank(move.now)}  {move.doc_id} {move.start}:{move.end}"
    if replay.verdicts:
        yield "the quotes of then, in the documents of now:"
    for verdict in replay.verdicts:
        yield f"  [{verdict.number}] {verdict.state:8} {verdict.doc_id}: {verdict.detail}"


def _change(name: str, then: str, now: str) -> Iterator[str]:
    if then != now:
        yield f"{name}: {then or '(none)'} -> {now or '(none)'}"


def _rank(rank: int | None) -> str:
    return "–" if rank is None else f"#{rank}"
