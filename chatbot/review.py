"""Votes turned into evaluation questions: `queries.jsonl` and `qrels/SPLIT.tsv` of a corpus.

Both files change or neither does. The new ones are written beside the old, hidden, and then renamed one
after the other; a program that is killed between the two renames leaves what `recover` completes. Until
then the state is one that every reader takes: a question without a judgement belongs to no split.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from chatbot.answer import LONGEST_QUESTION
from chatbot.corpus import PARTS_QRELS, Evidence, Query, read_qrels, read_queries, split_names
from chatbot.errors import CorpusError
from chatbot.feedback import append_line
from chatbot.index import PassageIndex
from chatbot.writing import sync_folder

KIND = "review"  # of the questions that a reviewer accepted
USUAL_SPLIT = "dev"
MOST_ANSWERS, LONGEST_ANSWER = 20, 300
MOST_EVIDENCE = 60
SAVED, DISMISSED, OPEN = "saved", "dismissed", "open"
_HEADER = "query-id\tcorpus-id\tscore\n"
_SPLIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_PATIENCE = 10.0  # seconds to wait for another program that is saving


@dataclass(frozen=True)
class Reviewed:
    """A question with what a reviewer found right. `documents` answer it, with or without evidence."""

    text: str
    answerable: bool
    documents: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Added:
    """The lines that one saved question has in the two files."""

    query_id: str
    split: str
    query: str
    judgements: str
    created: tuple[str, ...] = ()  # files that hold nothing but saved questions: "queries", "qrels"


# What a reviewer may say --------------------------------------------------------------------


def check(reviewed: Reviewed, index: PassageIndex) -> Reviewed:
    """The question as it can be saved. Raises CorpusError, saying what is wrong with it."""
    text = " ".join(reviewed.text.split())
    if not text:
        raise CorpusError("the question is empty; write one")
    if len(text) > LONGEST_QUESTION:
        raise CorpusError(f"the question has more than {LONGEST_QUESTION:,} characters; shorten it")
    if not reviewed.answerable:
        return Reviewed(text, False)
    answers = dict.fromkeys(filter(None, (" ".join(answer.split()) for answer in reviewed.answers)))
    if len(answers) > MOST_ANSWERS or any(len(answer) > LONGEST_ANSWER for answer in answers):
        raise CorpusError(
            f"give at most {MOST_ANSWERS} accepted answers of at most {LONGEST_ANSWER} characters each"
        )
    evidence = tuple(dict.fromkeys(reviewed.evidence))
    if len(evidence) > MOST_EVIDENCE:
        raise CorpusError(f"mark at most {MOST_EVIDENCE} sentences")
    documents = tuple(dict.fromkeys([*(piece.doc for piece in evidence), *reviewed.documents]))
    if not documents:
        raise CorpusError("mark what answers the question, or say that the documents do not answer it")
    texts = {doc_id: _text_of(doc_id, index) for doc_id in documents}
    for piece in evidence:
        if not texts[piece.doc][piece.start : piece.end].strip() or piece.end > len(texts[piece.doc]):
            raise CorpusError(
                f"{piece.doc} has no text at {piece.start} to {piece.end}; mark the sentence anew"
            )
    return Reviewed(text, True, documents, evidence, tuple(answers))


def _text_of(doc_id: str, index: PassageIndex) -> str:
    if PARTS_QRELS.search(doc_id):
        raise CorpusError(
            f"{doc_id!r} cannot stand in qrels, which tabs and ends of lines divide; rename the file"
        )
    try:
        return index.document(doc_id).text
    except KeyError as error:
        raise CorpusError(f"there is no document {doc_id!r} any more; mark another") from error


def some_document(doc_ids: Iterable[str], index: PassageIndex) -> str:
    """The first document that is still there, else the first of all, to judge an unanswerable question by."""
    known = [doc_id for doc_id, _ in index.titles() if not PARTS_QRELS.search(doc_id)]
    if not known:
        raise CorpusError("no document has a name that can stand in qrels; rename one")
    held = set(known)
    return next((doc_id for doc_id in doc_ids if doc_id in held), known[0])


def unsaid(reviewed: Reviewed, index: PassageIndex) -> list[str]:
    """Accepted answers that none of the marked documents holds, so that no quote can contain them."""
    texts = [_plain(index.document(doc_id).text) for doc_id in reviewed.documents]
    return [answer for answer in reviewed.answers if not any(_plain(answer) in text for text in texts)]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


# The two files ------------------------------------------------------------------------------


@dataclass(frozen=True)
class QuestionFiles:
    """The evaluation questions of a corpus. `lock` is a file that keeps two savers apart."""

    corpus: Path
    lock: Path

    @property
    def queries(self) -> Path:
        return self.corpus / "queries.jsonl"

    def qrels(self, split: str) -> Path:
        return self.corpus / "qrels" / f"{split}.tsv"

    def splits(self) -> list[str]:
        return split_names(self.corpus)

    def add(self, reviewed: Reviewed, split: str, document: str) -> Added:
        """Append a checked question to both files.

        An unanswerable one is judged too, with relevance 0 for `document`, or it would belong to no split.
        Raises CorpusError for a question that is there already, and where the files cannot be written.
        """
        if not _SPLIT.fullmatch(split):
            raise CorpusError(f"{split!r} cannot name a split; use letters, digits, - and _")
        with self._alone():
            known = read_queries(self.corpus) if self.queries.is_file() else {}
            self._refuse_known(reviewed, known)
            self._refuse_second_split(split, known)
            query_id = _next_id(known)
            judged = [(doc_id, 1) for doc_id in reviewed.documents] or [(document, 0)]
            query = json.dumps(_record(query_id, reviewed), ensure_ascii=False) + "\n"
            judgements = "".join(f"{query_id}\t{doc_id}\t{grade}\n" for doc_id, grade in judged)
            added = Added(query_id, split, query, judgements, self._created(split, known))
            self._append(added)
        return added

    def put_back(self, added: Added) -> None:
        """Append again what `remove` took away."""
        with self._alone():
            if self.queries.is_file() and added.query_id in read_queries(self.corpus):
                raise CorpusError(f"{self.queries} has another question {added.query_id!r} by now")
            self._append(added)

    def _append(self, added: Added) -> None:
        queries, qrels = self.queries, self.qrels(added.split)
        _replace_both(
            queries, _grown(queries, added.query),
            qrels, _grown(qrels, added.judgements, _HEADER),
            "saving",
        )  # fmt: skip

    def _created(self, split: str, known: dict[str, Query]) -> tuple[str, ...]:
        """The files that are not there yet, or hold nothing but what `add` wrote."""
        there = {"queries": set(known)} if self.queries.exists() else {}
        if self.qrels(split).exists():
            there["qrels"] = set(read_qrels(self.corpus, split))
        saved = {query.query_id for query in known.values() if query.kind == KIND}
        own = {name for name, query_ids in there.items() if query_ids and query_ids <= saved}
        return tuple(name for name in ("queries", "qrels") if name not in there or name in own)

    def remove(self, added: Added) -> None:
        """Take back what `add` wrote. Raises CorpusError if somebody has changed its lines since."""
        queries, qrels = self.queries, self.qrels(added.split)
        with self._alone():
            without = _shrunk(queries, added.query), _shrunk(qrels, added.judgements)
            _replace_both(qrels, without[1], queries, without[0], "undoing")
            if "qrels" in added.created and without[1] == _HEADER.encode():
                qrels.unlink()
            if "queries" in added.created and not without[0]:
                queries.unlink()

    def recover(self) -> None:
        """Complete or forget what a program that was killed has left."""
        with self._alone():
            pass

    def _recover(self) -> None:
        queries, folder = self.queries, self.corpus / "qrels"
        _settle([_beside(queries, "saving")], list(folder.glob(".*.tsv.saving")), _is_longer)
        _settle(list(folder.glob(".*.tsv.undoing")), [_beside(queries, "undoing")], _is_shorter)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self.lock.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.lock, timeout=_PATIENCE):
                self._recover()
                yield
        except Timeout as error:
            raise CorpusError("another program is saving questions; try again") from error
        except (OSError, UnicodeError) as error:
            raise CorpusError(
                f"the questions in {self.corpus} cannot be read or written ({error}); nothing was saved"
            ) from error

    def _refuse_known(self, reviewed: Reviewed, known: dict[str, Query]) -> None:
        for query in known.values():
            if not query.history and _plain(query.text) == _plain(reviewed.text):
                places = [
                    split for split in self.splits() if query.query_id in read_qrels(self.corpus, split)
                ]
                where = f", in {' and '.join(places)}" if places else ""
                raise CorpusError(f"this is a question already: {query.query_id}{where}, “{query.text}”")

    def _refuse_second_split(self, split: str, known: dict[str, Query]) -> None:
        """Questions without a judgement belong to the only split; a second one would take them out of it."""
        splits = self.splits()
        if len(splits) != 1 or split in splits:
            return
        judged = read_qrels(self.corpus, splits[0])
        lost = [query for query in known.values() if not query.answerable and query.query_id not in judged]
        if lost:
            raise CorpusError(
                f"a second split would take the {len(lost)} unanswerable questions that have no judgement"
                f" out of {splits[0]!r}; save to {splits[0]!r}"
            )


def _record(query_id: str, reviewed: Reviewed) -> dict[str, Any]:
    metadata: dict[str, Any] = {"kind": KIND, "answerable": reviewed.answerable}
    if reviewed.answerable:
        metadata |= {
            "answers": list(reviewed.answers),
            "evidence": [vars(piece) for piece in reviewed.evidence],
        }
    return {"_id": query_id, "text": reviewed.text, "metadata": metadata}


def _next_id(known: dict[str, Query]) -> str:
    numbers = (re.fullmatch(rf"{KIND}-(\d{{1,9}})", query_id) for query_id in known)
    return f"{KIND}-{max((int(found[1]) for found in numbers if found), default=0) + 1}"


def _grown(path: Path, lines: str, header: str = "") -> bytes:
    before = path.read_bytes() if path.exists() else header.encode()
    gap = b"" if not before or before.endswith(b"\n") else b"\n"
    return before + gap + lines.encode("utf-8", "backslashreplace")


def _shrunk(path: Path, lines: str) -> bytes:
    content, written = path.read_bytes(), lines.encode("utf-8", "backslashreplace")
    if not (b"\n" + content).count(b"\n" + written) == 1:
        raise CorpusError(f"{path} has been changed since; take the question out by hand")
    place = (b"\n" + content).index(b"\n" + written)
    return content[:place] + content[place + len(written) :]


def _replace_both(first: Path, first_content: bytes, second: Path, second_content: bytes, mark: str) -> None:
    """While a hidden new `first` lies there nothing has changed; once it is renamed all will be."""
    news = [(_beside(first, mark), first, first_content), (_beside(second, mark), second, second_content)]
    try:
        for new, path, content in news:
            _write_new(new, path, content)
    except OSError:
        for new, _, _ in reversed(news):
            new.unlink(missing_ok=True)
        raise
    before = first.read_bytes() if first.exists() else None
    os.replace(news[0][0], first)
    sync_folder(first.parent)
    try:
        os.replace(news[1][0], second)
    except OSError:  # where another program may hold a file open
        first.unlink() if before is None else first.write_bytes(before)
        news[1][0].unlink(missing_ok=True)
        raise
    sync_folder(second.parent)


def _write_new(new: Path, path: Path, content: bytes) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        shutil.copymode(path, new)
    sync_folder(new.parent)


def _beside(path: Path, mark: str) -> Path:
    return path.with_name(f".{path.name}.{mark}")


def _settle(first: Sequence[Path], second: Sequence[Path], follows: Callable[[bytes, bytes], bool]) -> None:
    """Forget what was not yet begun; complete what was, where its file has not changed since."""
    begun = not any(new.exists() for new in first)
    for new in second:
        if not new.exists():
            continue
        path = new.with_name(new.stem.removeprefix("."))
        if begun and follows(new.read_bytes(), path.read_bytes() if path.exists() else b""):
            os.replace(new, path)
        else:
            new.unlink()
    for new in first:
        new.unlink(missing_ok=True)


def _is_longer(new: bytes, old: bytes) -> bool:
    return new.startswith(old)


def _is_shorter(new: bytes, old: bytes) -> bool:
    """Whether `new` is `old` with one piece cut out."""
    pairs = enumerate(zip(new, old, strict=False))
    shared = next((place for place, (mine, theirs) in pairs if mine != theirs), len(new))
    return len(new) < len(old) and old.endswith(new[shared:])


# What became of the votes -------------------------------------------------------------------


@dataclass(frozen=True)
class Handled:
    """What was done about a vote. `added` is there for one that became a question."""

    vote_id: str
    state: str
    added: Added | None = None


@dataclass(frozen=True)
class Reviews:
    """What was done about votes, one JSON object a line; of several on one vote the last counts."""

    file: Path

    def mark(self, handled: Handled) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "vote": handled.vote_id,
            "state": handled.state,
            **({"added": vars(handled.added)} if handled.added else {}),
        }
        append_line(self.file, line)

    def handled(self) -> dict[str, Handled]:
        """By vote, those that are no longer open, in the order in which they were handled."""
        states: dict[str, Handled] = {}
        for line in self.file.read_text("utf-8", "replace").split("\n") if self.file.is_file() else ():
            try:
                handled = _read_handled(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # another's, or half a line of a program that was killed: its vote is open
            states.pop(handled.vote_id, None)
            if handled.state != OPEN:
                states[handled.vote_id] = handled
        return states

    def last_saved(self) -> Handled | None:
        """The question that was saved last and can be taken back."""
        return next((handled for handled in reversed(self.handled().values()) if handled.added), None)


def _read_handled(record: dict[str, Any]) -> Handled:
    added = record.get("added")
    if record["state"] not in (SAVED, DISMISSED, OPEN):
        raise ValueError(record["state"])
    return Handled(
        str(record["vote"]),
        record["state"],
        Added(**{**added, "created": tuple(added.get("created") or ())}) if added else None,
    )
