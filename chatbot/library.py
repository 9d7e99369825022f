"""The files of a corpus as a user manages them, and the builds that bring the index up to them.

Beside the index, and never in the corpus, lie

    staging/<change>/   a change that is being made: plan.json, and files/ that are to go into the corpus
    trash/<change>/     what a change took away: plan.json, and files/ that `restore` brings back

A change is staged as a whole before plan.json is written, and only then carried out. Stopped before that,
it has not been; stopped after, the next `Library` on the folder completes it.
"""

from __future__ import annotations

import copy
import errno
import json
import os
import re
import secrets
import shutil
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout

from chatbot import formats
from chatbot.background import start_thread
from chatbot.corpus import RESERVED, Document, UnreadFile, corpus_files, printable, read_documents
from chatbot.encoder import Encoder
from chatbot.errors import ChatbotError, CorpusError, IndexBusy, IndexReadOnly
from chatbot.formats.report import ReadingReport, reading_report
from chatbot.index import BuildReport, PassageIndex, build_index
from chatbot.writing import file_hash, sync_folder, write_at_once

LONGEST_NAME = 200  # bytes; file systems take 255, and " (2)" must fit
LONGEST_PATH = 1_000  # bytes below the corpus
DEEPEST = 32  # folders below the corpus
KEPT_DAYS = 30  # in the trash
_LINES = ".jsonl"

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FORBIDDEN = re.compile(r'[<>:"|?*]')  # by Windows
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True)
class Limits:
    file_bytes: int = formats.MAX_FILE_BYTES
    files: int = 20_000  # of the whole corpus
    total_bytes: int = 8 << 30  # of the whole corpus


@dataclass(frozen=True)
class Upload:
    """`name` may be a path below a folder that was brought as a whole."""

    path: Path
    name: str


@dataclass(frozen=True)
class Change:
    """What was done. With an `undo`, `Library.restore(undo)` takes it back."""

    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refused: tuple[UnreadFile, ...] = ()
    same: tuple[str, ...] = ()  # were there already, byte for byte
    undo: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        return self.added + self.replaced + self.removed


@dataclass(frozen=True)
class Removal:
    """What `restore` can bring back: files that were removed or replaced at `time`, seconds since 1970."""

    change_id: str
    time: float
    files: tuple[str, ...]
    replaced: bool


@dataclass(frozen=True)
class Entry:
    """A document, an archive that holds documents, or a file from which none was read.

    `state`: "read"; "unread", for `reason`; "waiting" for the next build; "leaving" with it.
    """

    name: str  # the document's id, or the file
    title: str
    kind: str
    pages: int = 0  # 0 without pages
    passages: int = 0
    date: float = 0.0  # the file's last change, seconds since 1970
    file: str = ""  # "" when it cannot be told
    state: str = "read"
    reason: str = ""
    documents: int = 0  # that an archive or a file of lines holds

    @property
    def removable(self) -> bool:
        return self.file == self.name and self.state != "leaving"


# Names --------------------------------------------------------------------------------------


def safe_name(name: str) -> str:
    """The path below a corpus for a file that its owner calls `name`; Unicode stays.

    Raises Unreadable for a name that leads out of the folder, is hidden or too long.
    """
    if not name.strip() or "\0" in name:
        raise formats.Unreadable("has a name that no file can have")
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in parts or not parts:
        raise formats.Unreadable("names a place outside the folder of documents")
    if any(part.startswith((".", "~$")) or part == "__MACOSX" for part in parts):
        raise formats.Unreadable("is hidden")
    path = "/".join(_safe_part(part) for part in parts)
    if len(parts) > DEEPEST or len(os.fsencode(path)) > LONGEST_PATH:
        raise formats.Unreadable("lies in too many folders, or in folders whose names are too long")
    if path != "README.md" and path.split("/")[0] in RESERVED:
        raise formats.Unreadable("has a name that is kept for evaluation questions; give it another")
    return path


def _safe_part(part: str) -> str:
    part = _UNSEEN.sub("_", unicodedata.normalize("NFC", part))
    if os.name == "nt":
        part = _FORBIDDEN.sub("_", part)
    part = part.strip().rstrip(". ") or "_"
    if _DEVICE.fullmatch(part):
        part = f"_{part}"
    suffix = PurePosixPath(part).suffix
    suffix = suffix if len(suffix.encode()) <= 16 else ""
    stem = part.removesuffix(suffix) if suffix else part
    room = LONGEST_NAME - len(suffix.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + suffix


def kind_of(name: str) -> str:
    """What a file or document is called in a list: "PDF", "Markdown"."""
    suffix = PurePosixPath(name).suffix.lower()
    return _KINDS.get(suffix, suffix[1:].upper() if 1 < len(suffix) <= 6 else "Text")


_KINDS = {
    ".md": "Markdown",
    ".markdown": "Markdown",
    ".txt": "Text",
    ".text": "Text",
    ".htm": "HTML",
    ".xhtml": "HTML",
    ".eml": "E-mail",
    _LINES: "JSON lines",
}


# Files --------------------------------------------------------------------------------------


class Library:
    """The files of `corpus`. Changes are made one at a time; safe for several threads and programs."""

    def __init__(self, corpus: Path, trash: Path, limits: Limits | None = None) -> None:
        self.corpus = corpus
        self.limits = limits or Limits()
        self._trash = trash
        self._index = trash.parent
        self._staging = trash.with_name("staging")
        self._lock = threading.Lock()
        self._survey_lock = threading.Lock()
        self._hashes: dict[tuple[str, int, int], str] = {}
        self._ids: dict[tuple[str, str], frozenset[str]] = {}  # (file, SHA-256) -> those of its documents
        self._surveys: dict[str, Survey] = {}
        with suppress(ChatbotError), self._alone():
            self._complete()

    def files(self) -> dict[str, Path]:
        """The files of the corpus by their path below it, in a fixed order."""
        return {
            printable(path.relative_to(self.corpus).as_posix()): path
            for path in corpus_files(self.corpus, self._index)
        }

    def clashes(self, uploads: Sequence[Upload]) -> list[str]:
        """Names of uploads that would replace a file of other content."""
        there = self.files()
        return [upload.name for upload in uploads if self._clash(upload, there)]

    def _clash(self, upload: Upload, files: dict[str, Path]) -> bool:
        try:
            there = files.get(safe_name(upload.name))
        except formats.Unreadable:
            return False
        return bool(there and there.is_file() and upload.path.is_file() and not _equal(upload.path, there))

    def add(
        self, uploads: Sequence[Upload], *, replace: bool = False, index: PassageIndex | None = None
    ) -> Change:
        """Copy files into the corpus, all of those that are fit for it or, at a crash, none.

        A name that is taken becomes "name (2)" unless `replace`. A file with a document whose id another file of the
        corpus or of the change has is refused; ids of the file that it replaces are free. The live `index` knows the
        ids of what it was built from, which is read anew without it. Raises CorpusError when the corpus cannot be
        written.
        """
        with self._alone(), self._change() as change_id:
            return self._add(change_id, uploads, replace, self.doc_ids(index))

    def _add(
        self, change_id: str, uploads: Sequence[Upload], may_replace: bool, doc_ids: Collection[str]
    ) -> Change:
        staged = self._staging / change_id / "files"
        there = self.files()
        room = _Room(
            self.limits, len(there), sum(path.stat().st_size for path in there.values() if path.is_file())
        )
        added, replaced, same = list[str](), list[str](), list[str]()
        refused = list[UnreadFile]()
        taken, brought = set(doc_ids), dict[str, list[str]]()
        for upload in uploads:
            try:
                name = self._fit_name(upload, uploads)
                target = there.get(name)
                held = [path for path in (target, staged / name) if path and path.is_file()]
                if any(_equal(upload.path, path) for path in held):
                    same.append(name)
                    continue
                replacing = may_replace and name not in replaced and target in held
                if not replacing:
                    name = self._free_name(name, staged)
                left = room.after(upload.path.stat().st_size, there.get(name) if replacing else None)
                _copy(upload.path, staged / name)
                own = self._ids_in(name) if replacing else frozenset[str]()
                try:
                    ids = _check_content(staged, name)
                    if clashing := [doc_id for doc_id in ids if doc_id in taken and doc_id not in own]:
                        raise formats.Unreadable(f"has a document of an id that is taken, {clashing[0]!r}")
                except formats.Unreadable:
                    (staged / name).unlink()
                    raise
                room = left
                taken.difference_update(own)
                taken.update(ids)
                brought[name] = ids
                (replaced if replacing else added).append(name)
            except formats.Unreadable as error:
                refused.append(UnreadFile(upload.name, str(error)))
            except FileNotFoundError:
                refused.append(UnreadFile(upload.name, "did not arrive; bring it again"))
        self._carry_out(change_id, put=[*added, *replaced], take=replaced)
        self._ids |= {(name, self._hash(self.corpus / name)): frozenset(brought[name]) for name in brought}
        undo = change_id if replaced else ""
        return Change(tuple(added), tuple(replaced), (), tuple(refused), tuple(same), undo)

    def _fit_name(self, upload: Upload, uploads: Sequence[Upload]) -> str:
        name = safe_name(upload.name)
        target = self.corpus / name
        if _part_of_saved_page(self.corpus, upload.name, uploads):
            raise formats.Unreadable("belongs to a saved web page, of which the page alone is read")
        outside = not target.parent.resolve().is_relative_to(self.corpus.resolve())
        if outside or target.is_symlink():
            raise formats.Unreadable("is a link to elsewhere; change it in the folder itself")
        if target.parent.resolve().is_relative_to(self._index.resolve()):
            raise formats.Unreadable("lies in the folder of the index")
        if target.is_dir() or any(parent.is_file() for parent in _between(self.corpus, target)):
            raise formats.Unreadable("has the name of a folder, or names a file as its folder")
        return name

    def _free_name(self, name: str, staged: Path) -> str:
        """`name`, or the first of "name (2)", "name (3)" … that neither the corpus nor this change has."""
        path = PurePosixPath(name)
        number, free = 2, path
        while (
            os.path.lexists(self.corpus / free) or (staged / free).exists() or free.as_posix() == "README.md"
        ):
            free = path.with_name(f"{path.stem} ({number}){path.suffix}")
            number += 1
        return free.as_posix()

    def remove(self, names: Sequence[str]) -> Change:
        """Move files of the corpus into the trash. Raises CorpusError, and then moves none."""
        with self._alone(), self._change() as change_id:
            there = self.files()
            names = list(dict.fromkeys(names))
            for name in names:
                if name not in there:
                    raise CorpusError(f"{name} is no file of {self.corpus}; look at the list again")
                if there[name].is_symlink():
                    raise CorpusError(f"{name} is a link to elsewhere; remove it from the folder itself")
            if not there.keys() - set(names):
                raise CorpusError("the last document cannot be removed; add another before")
            self._carry_out(change_id, put=[], take=names)
            return Change(removed=tuple(names), undo=change_id if names else "")

    def restore(self, change_id: str, index: PassageIndex | None = None) -> Change:
        """Bring back what a change removed or replaced; `index` as for `add`.

        Where the name is taken by now, a removed file comes back as "name (2)". Raises CorpusError, and brings back
        none, when the trash has it no more or an id of its documents was taken since.
        """
        with self._alone(), self._change() as new_id:
            plan = self._trashed(change_id)
            old = self._trash / change_id / "files"
            staged = self._staging / new_id / "files"
            added, replaced = list[str](), list[str]()
            for name in plan["take"]:
                if name in plan["put"] and (self.corpus / name).is_file():
                    _link(old / name, staged / name)
                    replaced.append(name)
                else:
                    free = self._free_name(name, staged)
                    _link(old / name, staged / free)
                    added.append(free)
            self._check_ids(staged, added, replaced, index)
            self._carry_out(new_id, [*added, *replaced], replaced, restores=change_id)
            return Change(tuple(added), tuple(replaced), undo=new_id if replaced else "")

    def _check_ids(
        self, staged: Path, added: Sequence[str], replaced: Sequence[str], index: PassageIndex | None
    ) -> None:
        """Raises CorpusError where a document of the staged files has an id that another file has."""
        freed = frozenset[str]().union(*map(self._ids_in, replaced))
        taken = self.doc_ids(index) - freed
        for name in (*added, *replaced):
            if clashing := sorted(_ids_of(staged, name) & taken):
                raise CorpusError(
                    f"{name} has a document of an id that was taken since, {clashing[0]!r}; remove the file that has it"
                )

    def removals(self) -> list[Removal]:
        """What can be restored, the latest first."""
        found = []
        for folder in self._trash.glob("*/plan.json"):
            with suppress(CorpusError):
                plan = self._trashed(folder.parent.name)
                found.append(
                    Removal(folder.parent.name, plan["time"], tuple(plan["take"]), bool(plan["put"]))
                )
        return sorted(found, key=lambda removal: removal.time, reverse=True)

    def _trashed(self, change_id: str) -> dict[str, Any]:
        if not re.fullmatch(r"[0-9a-f]+", change_id):
            raise CorpusError(f"there is no change {change_id!r}")
        try:
            plan: dict[str, Any] = json.loads((self._trash / change_id / "plan.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise CorpusError("this removal has been undone already, or the trash was emptied") from error
        return plan

    # Changes

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other change at the same time, in this program or another."""
        with self._lock:
            try:
                self._index.mkdir(parents=True, exist_ok=True)
                lock = FileLock(self._index / ".library-lock", timeout=20)
                lock.acquire()
            except Timeout as error:
                raise IndexBusy(
                    f"another program is changing the documents of {self.corpus}; try again"
                ) from error
            except OSError as error:
                raise IndexReadOnly(
                    f"{self._index} cannot be written ({error.strerror}); name another folder with --index"
                ) from error
            try:
                yield
            finally:
                lock.release()

    @contextmanager
    def _change(self) -> Iterator[str]:
        """A folder for a change, gone when it is over. Tells OSErrors as a user can act on them."""
        change_id = f"{time.time_ns():x}{secrets.token_hex(3)}"
        folder = self._staging / change_id
        try:
            (folder / "files").mkdir(parents=True)
            yield change_id
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            raise CorpusError(
                f"{self.corpus} was not changed ({error.strerror or error}); "
                + ("make room on the disk" if full else "it must be a folder that this program may write to")
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _carry_out(self, change_id: str, put: Sequence[str], take: Sequence[str], restores: str = "") -> None:
        """Put staged files into the corpus and take others out; all of it or, at an error, nothing."""
        if not put and not take:
            return
        plan = {"time": time.time(), "put": list(put), "take": list(take), "restores": restores}
        folder = self._staging / change_id
        write_at_once(folder / "plan.json", json.dumps(plan).encode())
        try:
            self._apply(change_id, plan)
        except OSError:
            self._take_back(change_id, plan)
            raise

    def _apply(self, change_id: str, plan: dict[str, Any]) -> None:
        """Every step may have been done before."""
        staged, trashed = self._staging / change_id / "files", self._trash / change_id / "files"
        if came := [
            name for name in plan["put"] if name not in plan["take"] and self._would_lose(staged, name)
        ]:
            plan["take"] += came  # put there by others since; the trash keeps it
            write_at_once(self._staging / change_id / "plan.json", json.dumps(plan).encode())
        for name in plan["take"]:
            if (self.corpus / name).is_file() and not (trashed / name).exists():
                _link(self.corpus / name, trashed / name)
        for name in plan["put"]:
            if (staged / name).exists():
                _place(staged / name, self.corpus / name)
        for name in set(plan["take"]) - set(plan["put"]):
            (self.corpus / name).unlink(missing_ok=True)
            _drop_empty_folders(self.corpus, name)
        if plan["take"]:
            sync_folder(trashed)
            (self._staging / change_id / "plan.json").replace(self._trash / change_id / "plan.json")
        if plan["restores"]:
            shutil.rmtree(self._trash / plan["restores"], ignore_errors=True)
        shutil.rmtree(self._staging / change_id, ignore_errors=True)

    def _would_lose(self, staged: Path, name: str) -> bool:
        return (staged / name).exists() and (self.corpus / name).is_file()

    def _take_back(self, change_id: str, plan: dict[str, Any]) -> None:
        (self._staging / change_id / "plan.json").unlink(missing_ok=True)
        staged, trashed = self._staging / change_id / "files", self._trash / change_id / "files"
        with suppress(OSError):
            for name in plan["put"]:
                if not (staged / name).exists() and name not in plan["take"]:
                    (self.corpus / name).unlink(missing_ok=True)
                    _drop_empty_folders(self.corpus, name)
            for name in plan["take"]:
                if (trashed / name).exists():
                    _place(trashed / name, self.corpus / name)
            shutil.rmtree(self._trash / change_id, ignore_errors=True)

    def _complete(self) -> None:
        """Carry out what was planned when a program was stopped, forget what was not, empty old trash."""
        for folder in sorted(self._staging.glob("*")):
            with suppress(OSError, ValueError, KeyError):
                if (folder / "plan.json").is_file():
                    self._apply(folder.name, json.loads((folder / "plan.json").read_text("utf-8")))
            if not (folder / "plan.json").is_file():
                shutil.rmtree(folder, ignore_errors=True)
        for part in self.corpus.rglob(f"{_PART}*") if self.corpus.is_dir() else ():
            part.unlink(missing_ok=True)
        for folder in self._trash.glob("*"):
            plan = folder / "plan.json"
            begun = (self._staging / folder.name).is_dir()
            if not begun and (not plan.is_file() or plan.stat().st_mtime < time.time() - KEPT_DAYS * 86_400):
                shutil.rmtree(folder, ignore_errors=True)

    # What there is

    def entries(self, index: PassageIndex) -> list[Entry]:
        """Documents and files that are none, in the order of their names; `index` is the live one."""
        survey = self.survey(index)
        there = self.files()
        states = self._states(index, there)
        rows = [self._entry(listed, there, states) for listed in survey.documents]
        held = Counter(row.file for row in rows if row.file != row.name)
        passages: Counter[str] = Counter()
        for row in rows:
            passages[row.file] += row.passages
        rows += [
            Entry(
                name,
                name,
                kind_of(name),
                0,
                passages[name],
                _date(there.get(name)),
                name,
                states[name],
                "",
                n,
            )
            for name, n in held.items()
            if name
        ]
        known = {row.name for row in rows}
        for item in index.manifest["unread_files"]:
            file = _file_of(item["path"], "", there.keys() | index.manifest["corpus"].keys())
            if item["path"] not in known and file in there:
                rows.append(self._unread(item, file, there, states))
                known.add(item["path"])
        rows += [
            Entry(name, name, kind_of(name), date=_date(path), file=name, state="waiting")
            for name, path in there.items()
            if name not in known and states[name] == "waiting"
        ]
        return sorted(rows, key=lambda row: row.name.casefold())

    @staticmethod
    def _entry(listed: Listed, there: dict[str, Path], states: dict[str, str]) -> Entry:
        file = _file_of(listed.doc_id, listed.source, states.keys())
        return Entry(
            listed.doc_id,
            listed.title or listed.doc_id,
            kind_of(file if file.lower().endswith(_LINES) else listed.doc_id),
            listed.pages,
            listed.passages,
            _date(there.get(file)),
            file,
            states.get(file, "read"),
        )

    @staticmethod
    def _unread(item: dict[str, str], file: str, there: dict[str, Path], states: dict[str, str]) -> Entry:
        path = item["path"]
        state = "unread" if states[file] == "read" else states[file]
        return Entry(
            path, path, kind_of(path), date=_date(there[file]), file=file, state=state, reason=item["reason"]
        )

    def _states(self, index: PassageIndex, there: dict[str, Path]) -> dict[str, str]:
        """Of every file of the corpus or of the index: "read", "waiting" or "leaving"."""
        built: dict[str, str] = index.manifest["corpus"]
        states = {name: "leaving" for name in built if name not in there and not _is_reserved(name)}
        for name, path in there.items():
            states[name] = "read" if built.get(name) == self._hash(path) else "waiting"
        return states

    def _hash(self, path: Path) -> str:
        """SHA-256 of a file, computed once while its size and time stay the same."""
        try:
            state = path.stat()
            key = (str(path), state.st_size, state.st_mtime_ns)
            digest = self._hashes.get(key) or file_hash(path)
        except OSError:
            return "unreadable"
        self._hashes[key] = digest
        return digest

    def doc_ids(self, index: PassageIndex | None) -> set[str]:
        """Those that the next build will meet: of the live `index`, and of the files that wait for it."""
        there = self.files()
        if index is None:
            return set[str]().union(*map(self._ids_in, there))
        states = self._states(index, there)
        ids = {
            listed.doc_id
            for listed in self.survey(index).documents
            if states.get(_file_of(listed.doc_id, listed.source, states.keys()), "read") == "read"
        }
        return ids.union(*(self._ids_in(name) for name in there if states[name] == "waiting"))

    def _ids_in(self, name: str) -> frozenset[str]:
        """The ids of the documents of a file, read once while it stays the same; none of one that is broken."""
        if not _holds_several(name):
            return frozenset({name})
        key = name, self._hash(self.corpus / name)
        if key not in self._ids:
            self._ids[key] = _ids_of(self.corpus, name)
        return self._ids[key]

    def survey(self, index: PassageIndex) -> Survey:
        """What the live generation holds; kept until there is another."""
        with self._survey_lock:
            if index.generation not in self._surveys:
                self._surveys = {index.generation: Survey(index)}
            return self._surveys[index.generation]


def _holds_several(name: str) -> bool:
    return name.lower().endswith((_LINES, ".zip"))


def _ids_of(folder: Path, name: str) -> frozenset[str]:
    """The ids of the documents of a file; none of one that is broken."""
    if not _holds_several(name):
        return frozenset({name})
    try:
        found = list(read_documents(folder, [folder / name]))
    except CorpusError:
        return frozenset()
    return frozenset(item.doc_id for item in found if isinstance(item, Document))


@dataclass(frozen=True)
class _Room:
    """How many files and bytes the corpus has, and may have."""

    limits: Limits
    files: int
    total: int

    def after(self, size: int, instead_of: Path | None) -> _Room:
        """With one more file. Raises Unreadable when that breaks a limit."""
        limits = self.limits
        if size > limits.file_bytes:
            raise formats.Unreadable(
                f"has {megabytes(size)}, more than the {megabytes(limits.file_bytes)} of one file; divide it"
            )
        files = self.files + (instead_of is None)
        total = self.total + size - (instead_of.stat().st_size if instead_of else 0)
        if files > limits.files:
            raise formats.Unreadable(f"is one too many: there may be {limits.files:,} files")
        if total > limits.total_bytes:
            raise formats.Unreadable(f"has no room: the files may have {megabytes(limits.total_bytes)}")
        return _Room(limits, files, total)


def megabytes(size: int) -> str:
    """A size in bytes as people read it."""
    if size >= 1 << 20:
        return f"{size / (1 << 20):,.0f} MB"
    return f"{size / (1 << 10):,.0f} kB" if size >= 1 << 10 else f"{size} bytes"


def _check_content(folder: Path, name: str) -> list[str]:
    """The ids of a file's documents. Raises Unreadable where its kind is not read, or it would stop the build."""
    data = formats.read_bytes(folder / name)
    try:
        kind = formats.kind_of(data, name)
        if not kind:
            formats.decode(data)
        if kind != "zip" and not name.lower().endswith(_LINES):
            return [name]
        found = list(read_documents(folder, [folder / name]))
    except UnicodeError as error:
        raise formats.Unreadable(str(error)) from error
    except CorpusError as error:
        raise formats.Unreadable(f"would stop the build: {error}") from error
    documents = [item for item in found if isinstance(item, Document)]
    if not documents:
        unread = next((item.reason for item in found if isinstance(item, UnreadFile)), "holds no documents")
        raise formats.Unreadable(unread)
    return [document.doc_id for document in documents]


def _part_of_saved_page(corpus: Path, name: str, uploads: Sequence[Upload]) -> bool:
    """Whether a browser put the file beside a page that it saved, into NAME_files."""
    names = {upload.name for upload in uploads}
    folders = [folder for folder in PurePosixPath(name).parents if folder.name.endswith("_files")]
    pages = [
        folder.with_name(folder.name.removesuffix("_files") + suffix)
        for folder in folders
        for suffix in (".html", ".htm")
    ]
    return any(page.as_posix() in names or (corpus / page).is_file() for page in pages)


def _file_of(doc_id: str, source: str, files: Collection[str]) -> str:
    """The file that a document was read from: itself, its archive, or its file of lines; "" if unknown."""
    if doc_id in files:
        return doc_id
    for parent in PurePosixPath(doc_id).parents:
        if parent.suffix.lower() == ".zip" and parent.as_posix() in files:
            return parent.as_posix()
    if (lines := source.rpartition(":")[0]) in files:
        return lines
    several = [name for name in files if name.lower().endswith(_LINES)]
    return several[0] if len(several) == 1 else ""


def _is_reserved(name: str) -> bool:
    return name.split("/")[0] in RESERVED


def _date(path: Path | None) -> float:
    try:
        return path.stat().st_mtime if path else 0.0
    except OSError:
        return 0.0


# Files on disk ------------------------------------------------------------------------------

_PART = ".footnote-part-"  # a file on its way to another disk


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, target.open("wb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())


def _link(source: Path, target: Path) -> None:
    """`target` holds what `source` does, whole or not at all; a copy where links are not to be had."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        _copy_whole(source, target)


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a file with its times beside `target`, then rename it, so that `target` is never half there."""
    part = target.with_name(f"{_PART}{secrets.token_hex(4)}")
    try:
        _copy(source, part)
        shutil.copystat(source, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _place(source: Path, target: Path) -> None:
    """Move a file over another, which is there whole until the new one is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_whole(source, target)
        source.unlink()
    sync_folder(target.parent)


def _between(corpus: Path, target: Path) -> Iterator[Path]:
    """The folders from the corpus down to a file."""
    return (parent for parent in target.parents if parent != corpus and parent.is_relative_to(corpus))


def _drop_empty_folders(corpus: Path, name: str) -> None:
    for folder in _between(corpus, corpus / name):
        try:
            folder.rmdir()
        except OSError:  # not empty
            return


def _equal(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and file_hash(one) == file_hash(other)


# What an index holds ------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A document of an index."""

    doc_id: str
    title: str
    source: str
    pages: int
    passages: int


class Survey:
    """One generation of an index: its documents, and what was lost on their way into it."""

    def __init__(self, index: PassageIndex) -> None:
        self._index = index
        self._passages = Counter(index.doc_id(row) for row in range(len(index)))
        self.documents = [self._list(index.document(doc_id)) for doc_id, _ in index.titles()]
        self._report: ReadingReport | None = None
        self._lock = threading.Lock()

    def _list(self, document: Document) -> Listed:
        passages = self._passages[document.doc_id]
        return Listed(document.doc_id, document.title, document.source, document.pages, passages)

    def report(self) -> ReadingReport:
        """Takes seconds for thousands of documents, the first time."""
        with self._lock:
            if self._report is None:
                manifest = self._index.manifest
                self._report = reading_report(
                    (self._index.document(listed.doc_id) for listed in self.documents),
                    self._passages,
                    [UnreadFile(**item) for item in manifest["unread_files"]],
                    manifest["warnings"],
                )
            return self._report


# Builds -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Build:
    """How a build stands. `end`: "" before the first and while it runs, "done", "cancelled", "failed"."""

    number: int = 0
    running: bool = False
    stage: str = ""  # reading, embedding or writing
    done: int = 0
    total: int = 0  # 0 while unknown
    left: float | None = None  # seconds, estimated
    cancelling: bool = False
    end: str = ""
    error: str = ""
    report: BuildReport | None = field(default=None, repr=False)


class _Cancelled(Exception):
    pass


class Rebuilding:
    """Builds of one index in a thread of their own, one at a time; the generation before serves meanwhile."""

    def __init__(self, corpus: Path, index: Path, encoder: Encoder) -> None:
        self._corpus, self._folder, self._encoder = corpus, index, encoder
        self._state = Build()
        self._files = 0  # of the corpus
        self._again = False
        self._started = 0.0  # of the stage
        self._before = 0  # done when the stage began
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> Build:
        return self._state

    def start(self) -> None:
        """Build; when a build is running, once more after it."""
        with self._lock:
            if self._state.running:
                self._again = True
                return
            self._state = Build(self._state.number + 1, running=True)
            self._thread = start_thread("build", self._run, self.cancel)

    def cancel(self) -> None:
        """Stop the running build at its next step; what it was to read is read by the next."""
        with self._lock:
            self._again = False
            if self._state.running:
                self._state = replace(self._state, cancelling=True)

    def wait(self, seconds: float | None = None) -> Build:
        """The state when no build runs any more, or after so many seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return self._state

    def _run(self) -> None:
        again = True
        while again:
            end = self._build()
            with self._lock:
                again, self._again = self._again, False
                self._state = (
                    Build(self._state.number + 1, running=True) if again else replace(end, running=False)
                )

    def _build(self) -> Build:
        try:
            # the chat goes on with the encoder; its tokenizer must not be shared while texts are counted
            report = build_index(
                self._corpus, self._folder, copy.deepcopy(self._encoder), progress=self._tell
            )
        except _Cancelled:
            return replace(self._state, end="cancelled")
        except ChatbotError as error:
            return replace(self._state, end="failed", error=str(error))
        except Exception as error:
            told = " ".join(str(error).split())[:200]
            return replace(
                self._state, end="failed", error=f"the build broke off ({type(error).__name__}: {told})"
            )
        return replace(self._state, end="done", report=report)

    def _tell(self, stage: str, done: int, total: int) -> None:
        with self._lock:
            if self._state.cancelling:
                raise _Cancelled
            now = time.monotonic()
            if stage != self._state.stage:
                self._started, self._before = now, done
                if stage == "reading":
                    self._files = len(corpus_files(self._corpus, self._folder))
            if stage == "reading":
                total = max(self._files, done)
            progressed = done - self._before
            left = (now - self._started) * (total - done) / progressed if progressed > 0 else None
            self._state = replace(self._state, stage=stage, done=done, total=total, left=left)
