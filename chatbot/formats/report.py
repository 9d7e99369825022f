"""The reading report: what a corpus lost or repeats on its way into the index."""

from __future__ import annotations

import heapq
import re
import statistics
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chatbot.corpus import Document, UnreadFile
from chatbot.formats.content import NO_TEXT_LAYER
from chatbot.writing import count

_SHINGLE = 5  # words
_SKETCH = 64  # smallest hashes kept of a document (Broder 1997)
_SKETCHED = 1_000_000  # characters; of a longer document its beginning stands for it
_NEAR = 0.8  # estimated share of common shingles
_HOLDERS = 200  # documents remembered for a hash; what more of them share is a formula, not a copy
_LISTED = 10  # of each kind of finding

_WORD = re.compile(r"\w+")
# the replacement character, private use, unmapped glyphs, and UTF-8 that was read as Windows-1252
_DAMAGE = re.compile("\ufffd|[\ue000-\uf8ff]|\\(cid:\\d+\\)|[ÂÃ][\x80-\xbf]|â€.|ï¿½")
_DAMAGED = 2  # places in a document; one may be on purpose


@dataclass(frozen=True)
class Outcome:
    """What became of a document or file: "read", "not read" or "left out" on purpose; `why` tells all that
    was found."""

    path: str
    outcome: str
    why: str = ""
    passages: int = 0


@dataclass(frozen=True)
class ReadingReport:
    """`passages` are (least, median, most) a document."""

    documents: int
    passages: tuple[int, float, int]
    unread: tuple[UnreadFile, ...]
    textless: tuple[str, ...]  # one line a document with pages without text
    warned: tuple[str, ...]  # the other warnings: a chapter that is missing, an encoding that was guessed …
    near_duplicates: tuple[tuple[str, str], ...]  # the later document, the earlier it repeats
    damaged: tuple[tuple[str, int], ...]  # document, damaged places
    no_passages: tuple[str, ...]  # documents that hold nothing to quote
    outcomes: tuple[Outcome, ...] = field(repr=False)  # of every document and unread file

    def __str__(self) -> str:
        least, median, most = self.passages
        lines = [
            f"{count(self.documents, 'document')} read, {count(len(self.unread), 'file')} not read;"
            f" passages a document: {least:,} to {most:,}, median {median:g}"
        ]
        findings = {
            "not read": [f"{item.path} {item.reason}" for item in self.unread],
            "pages without text": list(self.textless),
            "read with a warning": list(self.warned),
            "near-duplicate": [f"{later} repeats {earlier}" for later, earlier in self.near_duplicates],
            "encoding damage": [f"{doc_id}: {count(places, 'place')}" for doc_id, places in self.damaged],
            "no passage": list(self.no_passages),
        }
        for kind, found in findings.items():
            lines += [f"{kind}: {finding}" for finding in found[:_LISTED]]
            if len(found) > _LISTED:
                lines.append(f"{kind}: and {len(found) - _LISTED:,} more")
        return "\n".join(lines)


def count_left_out(left_out: Mapping[str, str]) -> str:
    """How many files of each kind were left out on purpose: "hidden (2), about the corpus (1)"; "" for none."""
    return ", ".join(f"{kind} ({number:,})" for kind, number in Counter(left_out.values()).items())


def reading_report(
    documents: Iterable[Document],
    passages: Mapping[str, int],
    unread: Sequence[UnreadFile] = (),
    warnings: Sequence[str] = (),
) -> ReadingReport:
    """`passages` counts those of each document id; `warnings` are those of the build."""
    ids: list[str] = []
    damaged: list[tuple[str, int]] = []
    sketches: list[frozenset[int]] = []
    sources: dict[str, str] = {}
    for document in documents:
        ids.append(document.doc_id)
        sources[document.doc_id] = document.source
        places = sum(1 for _ in _DAMAGE.finditer(document.text))
        if places >= _DAMAGED:
            damaged.append((document.doc_id, places))
        sketches.append(_sketch(document.text))
    counts = [passages.get(doc_id, 0) for doc_id in ids] or [0]
    repeats = tuple((ids[later], ids[earlier]) for later, earlier in _near_duplicates(sketches))
    why = _findings(sources, warnings)
    for doc_id, earlier in repeats:
        why[doc_id].append(f"repeats {earlier}")
    for doc_id, places in damaged:
        why[doc_id].append(f"encoding damage in {places:,} places")
    return ReadingReport(
        len(ids),
        (min(counts), statistics.median(counts), max(counts)),
        tuple(unread),
        tuple(warning for warning in warnings if NO_TEXT_LAYER in warning),
        tuple(warning for warning in warnings if NO_TEXT_LAYER not in warning),
        repeats,
        tuple(damaged),
        tuple(doc_id for doc_id in ids if not passages.get(doc_id)),
        (
            *(Outcome(doc_id, "read", "; ".join(why[doc_id]), passages.get(doc_id, 0)) for doc_id in ids),
            *(Outcome(item.path, "not read", item.reason) for item in unread),
        ),
    )


def _findings(sources: Mapping[str, str], warnings: Sequence[str]) -> defaultdict[str, list[str]]:
    """The warnings of each document id; a warning begins with the source of its document."""
    by_source: defaultdict[str, list[str]] = defaultdict(list)
    known = set(sources.values())
    for warning in warnings:
        for end in (match.start() for match in re.finditer(": ", warning)):
            if warning[:end] in known:
                by_source[warning[:end]].append(warning[end + 2 :])
                break
    return defaultdict(list, {doc_id: by_source[source][:] for doc_id, source in sources.items()})


def _sketch(text: str) -> frozenset[int]:
    """The smallest hashes of the document's shingles; of all its words when it is shorter than one."""
    words = [match[0].lower() for match in _WORD.finditer(text[:_SKETCHED])]
    shingles = (" ".join(words[i : i + _SHINGLE]) for i in range(max(1, len(words) - _SHINGLE + 1)))
    hashes = {zlib.crc32(shingle.encode("utf-8", "replace")) for shingle in shingles}
    return frozenset(heapq.nsmallest(_SKETCH, hashes))


def _near_duplicates(sketches: Sequence[frozenset[int]]) -> list[tuple[int, int]]:
    """(later, earlier) for each document that is nearly the same as one before it, the most alike."""
    holders: defaultdict[int, list[int]] = defaultdict(list)  # hash -> documents that repeat no other
    pairs: list[tuple[int, int]] = []
    for number, sketch in enumerate(sketches):
        shared = Counter(earlier for value in sketch for earlier in holders[value])
        likeness, best = max(
            (
                (_likeness(sketch, sketches[earlier]), -earlier)
                for earlier, common in shared.items()
                if common >= _NEAR * len(sketch)
            ),
            default=(0.0, 0),
        )
        if likeness >= _NEAR:
            pairs.append((number, -best))
            continue
        for value in sketch:
            if len(holders[value]) < _HOLDERS:
                holders[value].append(number)
    return pairs


def _likeness(one: frozenset[int], other: frozenset[int]) -> float:
    """Estimated Jaccard similarity of two documents' shingles."""
    smallest = heapq.nsmallest(_SKETCH, one | other)
    return sum(value in one and value in other for value in smallest) / len(smallest)
