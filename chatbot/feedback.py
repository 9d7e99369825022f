"""What users thought of answers, one JSON object a line."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatbot.answer import Answer
from chatbot.corpus import Evidence, Passage

UP, DOWN = "up", "down"
WITHDRAWN = "withdrawn"  # takes back the vote before
REASONS = {  # what is kept -> what the page calls it
    "not answered": "It does not answer the question",
    "wrong passage": "The passage is wrong",
    "incomplete": "Something is missing",
    "other": "Something else",
}
LONGEST_COMMENT = 1_000  # characters
MOST_MARKED = 20  # passages
_LONGEST_ID = 1_000  # characters of a document's id


@dataclass(frozen=True)
class Details:
    """What was wrong in a user's own words, and the passages that would have been right."""

    reason: str = ""
    comment: str = ""
    right: tuple[Evidence, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.reason or self.comment or self.right)

    def to_json(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "comment": self.comment,
            "right": [vars(piece) for piece in self.right],
        }


@dataclass(frozen=True)
class Found:
    """A passage among the answer's hits. `sha256`: of its text when the vote was given, "" if that was unknown."""

    passage: Passage
    title: str
    sha256: str


@dataclass(frozen=True)
class Vote:
    """The last vote on one answer. `answer` is as `Answer.to_json` made it, {} where there was none."""

    vote_id: str
    time: str
    question: str
    vote: str
    answer: dict[str, Any] = field(repr=False)
    found: tuple[Found, ...] = field(repr=False)
    details: Details

    @property
    def standalone(self) -> str:
        return str(self.answer.get("standalone_question") or self.question)

    @property
    def approves(self) -> bool:
        """Whether it likes an answer that answers the question."""
        return self.vote == UP and self.answer.get("status") in ("answered", "disagreement")


@dataclass(frozen=True)
class Feedback:
    """Votes, one JSON object a line; of several on one answer the last counts."""

    file: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def save(self, question: str, answer: Answer | None, vote: str, details: Details | None = None) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "question": question,
            "vote": vote,
            **(details.to_json() if details else {}),
            "answer": answer.to_json() if answer else None,
            "passages": [
                {
                    "title": hit.title,
                    "section": hit.passage.section,
                    "sha256": text_hash(hit.text) if hit.text else "",
                }
                for hit in (answer.hits if answer else ())
            ],
        }
        with self._lock:
            append_line(self.file, line)

    def votes(self) -> tuple[list[Vote], list[int]]:
        """The last vote on every answer, newest first, and the numbers of the lines that are none.

        A vote that says nothing keeps what an earlier one of the same sort on the same answer said,
        unless it was withdrawn in between.
        """
        if not self.file.is_file():
            return [], []
        last: dict[str, Vote] = {}
        said: dict[tuple[str, str], Details] = {}
        broken = []
        for number, line in enumerate(self.file.read_text("utf-8", "replace").split("\n"), 1):
            if not line.strip():
                continue
            try:
                vote = _read_vote(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
                broken.append(number)
                continue
            last.pop(vote.vote_id, None)  # so that the order is that of the last votes
            if vote.vote == WITHDRAWN:
                said.pop((vote.vote_id, UP), None)
                said.pop((vote.vote_id, DOWN), None)
                continue
            if vote.details:
                said[vote.vote_id, vote.vote] = vote.details
            last[vote.vote_id] = replace(vote, details=said.get((vote.vote_id, vote.vote), vote.details))
        return list(reversed(last.values())), broken


def append_line(file: Path, record: Mapping[str, Any]) -> None:
    """Add a JSON object as a line of its own, also where a crash has cut the last one short."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = json.dumps(record, ensure_ascii=False) + "\n"
    with file.open("ab+") as lines:
        gap = "" if _ends_a_line(file) else "\n"
        lines.write((gap + written).encode("utf-8", "backslashreplace"))


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def make_details(reason: Any, comment: Any, right: Any) -> Details:
    """Details from what a browser sent, of which nothing is trusted. Raises ValueError, saying what is wrong."""
    if reason not in ("", None, *REASONS):
        raise ValueError("this is none of the reasons that can be chosen")
    if not isinstance(comment or "", str) or len(comment or "") > LONGEST_COMMENT:
        raise ValueError(f"please use at most {LONGEST_COMMENT:,} characters")
    return Details(str(reason or ""), str(comment or "").strip(), tuple(dict.fromkeys(read_spans(right))))


def read_spans(value: Any) -> Iterator[Evidence]:
    """Spans from a list of {"doc", "start", "end"}; whether the documents hold them is not looked at."""
    if not isinstance(value or [], list) or len(value or []) > MOST_MARKED:
        raise ValueError(f"please mark at most {MOST_MARKED} passages")
    yield from map(_read_span, value or [])


def _read_span(item: Any) -> Evidence:
    match item:
        case {"doc": str(doc), "start": int(start), "end": int(end)}:
            if 0 < len(doc) <= _LONGEST_ID and 0 <= start < end:
                return Evidence(doc, start, end)
    raise ValueError("a marked passage is not one")


def _ends_a_line(file: Path) -> bool:
    with file.open("rb") as lines:
        size = lines.seek(0, 2)
        if size == 0:
            return True
        lines.seek(size - 1)
        return lines.read(1) == b"\n"


def _read_vote(record: Mapping[str, Any]) -> Vote:
    answer = record["answer"] or {}
    if record["vote"] not in (UP, DOWN, WITHDRAWN) or not isinstance(answer, dict):
        raise ValueError(record["vote"])
    for citation in answer.get("citations") or ():  # what a line holds may have been written by anyone
        str(citation["quote"]), str(citation["title"]), str(citation["doc_id"])
        int(citation["start"]), int(citation["end"])
    question = str(record["question"])
    found = tuple(
        Found(
            Passage(
                str(hit["doc_id"]), int(hit["start"]), int(hit["end"]), str(told.get("section") or ""), ()
            ),
            str(told.get("title") or ""),
            str(told.get("sha256") or ""),
        )
        for hit, told in _with_titles(answer.get("hits") or [], record.get("passages") or [])
    )
    return Vote(
        vote_id=_identity(question, answer),
        time=str(record.get("time") or ""),
        question=question,
        vote=record["vote"],
        answer=answer,
        found=found,
        details=Details(
            str(record.get("reason") or ""),
            str(record.get("comment") or ""),
            tuple(read_spans(record.get("right"))),
        ),
    )


def _with_titles(hits: list[Any], passages: list[Any]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    for number, hit in enumerate(hits):
        yield hit, passages[number] if number < len(passages) else {}


def _identity(question: str, answer: Mapping[str, Any]) -> str:
    """Names one answer: the same for the same question, status and quotes."""
    quotes = [
        [citation["doc_id"], citation["start"], citation["end"], citation["quote"]]
        for citation in answer.get("citations") or ()
    ]
    parts = [question, answer.get("standalone_question"), answer.get("status"), quotes]
    return text_hash(json.dumps(parts))[:16]
