"""Runs of characters with their places on a page, put into reading order and joined to paragraphs.

Lengths are points (1/72 inch); y grows upwards, as in PDF.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from chatbot.formats.content import Part, tidy

HYPHEN = "\x02"  # at the end of a line, dividing a word

_COLUMN_LINES = 3  # fewer are no column of text
_COLUMN_CHARACTERS = 15  # mean of a line; shorter ones are cells of a table
_GUTTERS = 12  # places tried on a page: where the most lines begin
_EDGE_ROWS = 3  # of a page that may be repeated: running titles, page numbers, notes of rights
_REPEATED_PAGES = 3
_REPEATED_SHARE = 0.3  # of the pages; left and right pages often differ
_HEADING_SIZE = 1.15  # times the size of the body
_HEADING_CHARACTERS = 150
_HEADING_SHARE = 0.3  # of all characters; above it large type is the text and not its headings
_LARGE_GAP = 1.35  # times the usual distance of lines

_MARKER = re.compile(r"(?:[•‣▪●◦–—*-]|\(?(?:\d{1,3}|[a-z])[.)])\s")
_STOP = re.compile(r"[.!?:;…。！？][\"'”’»)\]]*$")
_FOLIO = re.compile(r"\W*(?:\w+\W+)?(?:\d+|[ivxlc]+)(?:\W+\w+\W+\d+)?\W*", re.IGNORECASE)
_LEADERS = re.compile(r"(?:\s?\.){4,}\s*(?:\d+|[ivxlc]+)\s*$")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
LAST_WORD = re.compile(r"([^\W\d_]+)$")
_FIRST_WORD = re.compile(r"([^\W\d_]+)")


@dataclass(frozen=True)
class Run:
    """Characters on one line with no wide gap between them."""

    text: str
    left: float
    right: float
    bottom: float
    top: float

    @property
    def middle(self) -> float:
        return (self.bottom + self.top) / 2

    @property
    def height(self) -> float:
        return self.top - self.bottom


@dataclass(frozen=True)
class Line:
    """A line of a column, whose edges are `column`."""

    text: str
    left: float
    right: float
    middle: float
    height: float
    page: int
    column: tuple[float, float]
    cells: int = 1  # parted by wide gaps

    @property
    def short(self) -> float:
        """Share of the column left empty at its end."""
        return (self.column[1] - self.right) / max(self.column[1] - self.column[0], 1.0)


# Repeated headers and footers ---------------------------------------------------------------


def without_repeats(pages: Sequence[list[Run]]) -> list[list[Run]]:
    """The pages without the outermost lines that stand on many of them, numbers apart, or that begin
    or end with the number of the page."""
    least = max(_REPEATED_PAGES, _REPEATED_SHARE * len(pages))
    rows = [_rows(page) for page in pages]
    counts = Counter(key for page in rows for key in _edge_keys(page))
    repeated = {key for key, count in counts.items() if count >= least}
    first, count = _first_number(rows)
    return [
        _without(page, repeated, first + index if count >= least else None) for index, page in enumerate(rows)
    ]


def _edge_keys(rows: list[list[Run]]) -> set[tuple[str, str]]:
    above = {("top", _key(row)) for row in rows[:_EDGE_ROWS]}
    return above | {("bottom", _key(row)) for row in rows[::-1][:_EDGE_ROWS]}


def _key(row: Sequence[Run]) -> str:
    text = " ".join(run.text.strip() for run in row)
    if _FOLIO.fullmatch(text):
        return re.sub(r"\d+|\b[ivxlc]+\b", "#", text.lower())
    return re.sub(r"\d+", "#", text) if re.search(r"[^\W\d]", text) else text


def _first_number(pages: Sequence[list[list[Run]]]) -> tuple[int, int]:
    """The number that the first page bears if the pages are numbered, and how many pages agree."""
    offsets: Counter[int] = Counter()
    for index, rows in enumerate(pages):
        offsets.update({number - index for row in rows[:1] + rows[-1:] for number in _folios(row)})
    return max(offsets.items(), key=lambda item: item[1], default=(0, 0))


def _folios(row: Sequence[Run]) -> set[int]:
    words = " ".join(run.text for run in row).split()
    return {int(word) for word in words[:1] + words[-1:] if re.fullmatch(r"[0-9]{1,4}", word)}


def _without(rows: list[list[Run]], repeated: set[tuple[str, str]], number: int | None) -> list[Run]:
    for side, index in (("top", 0), ("bottom", -1)):
        for _ in range(_EDGE_ROWS):
            if rows and ((side, _key(rows[index])) in repeated or number in _folios(rows[index])):
                rows.pop(index)
    return [run for row in rows for run in row]


# Reading order ------------------------------------------------------------------------------


def lines(page: Sequence[Run], number: int) -> list[Line]:
    """The lines of a page in reading order, column after column."""
    gutter = _gutter(page)
    if gutter is None:
        return _column(page, number)
    ordered: list[Line] = []
    for left, right in _bands(page, gutter):
        if _prose(left) and _prose(right):
            ordered += lines(left, number) + lines(right, number)
        else:
            ordered += _column(left + right, number)
    return ordered


def _rows(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that stand on one line, from the top, each row from the left."""
    rows: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: (-run.middle, run.left)):
        if rows and abs(rows[-1][0].middle - run.middle) < 0.4 * min(rows[-1][0].height, run.height):
            rows[-1].append(run)
        else:
            rows.append([run])
    return [sorted(row, key=lambda run: run.left) for row in rows]


def _column(runs: Sequence[Run], number: int) -> list[Line]:
    if not runs:
        return []
    edges = min(run.left for run in runs), max(run.right for run in runs)
    return [
        Line(
            " ".join(run.text.strip() for run in row),
            row[0].left,
            max(run.right for run in row),
            row[0].middle,
            max(row, key=lambda run: len(run.text)).height,
            number,
            edges,
            len(row),
        )
        for row in _rows(runs)
    ]


def _gutter(page: Sequence[Run]) -> float | None:
    """The x between two columns of prose that has the most text beside it."""
    starts = Counter(round(run.left) for run in page).most_common(_GUTTERS)
    candidates = [
        min(run.left for run in page if round(run.left) == x) - 2 for x, n in starts if n >= _COLUMN_LINES
    ]
    best, most = None, 0
    for x in sorted(candidates):
        beside = sum(
            sum(len(run.text) for run in left + right)
            for left, right in _bands(page, x)
            if _prose(left) and _prose(right)
        )
        if beside > most:
            best, most = x, beside
    return best


def _bands(page: Sequence[Run], x: float) -> list[tuple[list[Run], list[Run]]]:
    """From the top: runs left and right of x, parted by those that reach over it (these all left)."""

    def crosses(run: Run) -> bool:
        return run.left < x - 1 and run.right > x + 1

    bands = []
    for crossing, group in groupby(sorted(page, key=lambda run: (-run.middle, run.left)), crosses):
        runs = list(group)
        left = [run for run in runs if crossing or run.right <= x + 1]
        bands.append((left, [run for run in runs if not crossing and run.right > x + 1]))
    return bands


def _prose(runs: Sequence[Run]) -> bool:
    return (
        len(runs) >= _COLUMN_LINES and statistics.fmean(len(run.text) for run in runs) >= _COLUMN_CHARACTERS
    )


# Paragraphs ---------------------------------------------------------------------------------


def paragraphs(ordered: Sequence[Line]) -> Iterator[Part]:
    """Paragraphs and headings; words divided at line ends are whole again, entries of a table of contents
    left out.

    A paragraph that runs on over the end of a page holds a form feed there.
    """
    ordered = [line for line in ordered if not _LEADERS.search(line.text)]
    words = count_words("\n".join(line.text for line in ordered))
    levels = _heading_levels(ordered)
    pitch = {page: _pitch(list(group)) for page, group in groupby(ordered, key=lambda line: line.page)}
    text, first_page = "", 0
    for before, line in pairwise([None, *ordered, None]):
        if line is not None and before is not None and _continues(before, line, levels, pitch[line.page]):
            text = join(text, line.text, words, "\f" if line.page > before.page else " ")
            continue
        if before is not None:
            yield from _part(text, levels.get(_size(before), 0), first_page)
        if line is not None:
            text, first_page = line.text, line.page


def _part(text: str, level: int, page: int) -> Iterator[Part]:
    tidied = "\f".join(tidy(piece.replace(HYPHEN, "-")) for piece in text.split("\f"))
    if tidied.strip():
        yield Part(tidied, level if len(tidied) <= _HEADING_CHARACTERS else 0, page)


def _size(line: Line) -> int:
    return round(2 * line.height)


def _heading_levels(ordered: Sequence[Line]) -> dict[int, int]:
    """Size in half points -> level, the largest first."""
    characters: Counter[int] = Counter()
    for line in ordered:
        characters[_size(line)] += len(line.text)
    if not characters:
        return {}
    body = characters.most_common(1)[0][0]
    larger = sorted((size for size in characters if size >= _HEADING_SIZE * body), reverse=True)
    if sum(characters[size] for size in larger) > _HEADING_SHARE * characters.total():
        return {}
    return {size: min(level, 6) for level, size in enumerate(larger, 1)}


def _pitch(ordered: Sequence[Line]) -> float:
    """The usual distance of two lines."""
    gaps = [a.middle - b.middle for a, b in pairwise(ordered) if 0 < a.middle - b.middle < 3 * a.height]
    return statistics.median_low(gaps) if gaps else 1.2 * ordered[0].height


def _continues(before: Line, line: Line, levels: dict[int, int], pitch: float) -> bool:
    """Whether a line belongs to the paragraph of the one before it."""
    level = levels.get(_size(before), 0)
    if level != levels.get(_size(line), 0) or abs(before.height - line.height) > 0.2 * before.height:
        return False
    if before.text.endswith((HYPHEN, "\u00ad")):
        return True
    if _MARKER.match(line.text) or min(before.cells, line.cells) > 1:  # rows of a table
        return False
    ended = bool(_STOP.search(before.text))
    runs_on = line.text[:1].islower()
    if line.page != before.page or line.middle >= before.middle:  # another page or column
        return not level and not ended and line.page - before.page < 2 and (runs_on or before.short < 0.1)
    if before.middle - line.middle > _LARGE_GAP * max(pitch, line.height):
        return False
    if level:
        return True
    if ended and (before.short > 0.2 or line.left - before.left > 0.8 * line.height):
        return False
    return runs_on or before.short < 0.35


def count_words(text: str) -> Counter[str]:
    """In lower case; one with hyphens is one word."""
    return Counter(match[0].lower() for match in _WORD.finditer(text))


def join(text: str, following: str, words: Counter[str], space: str) -> str:
    """A line joined to the text before it; a word that was divided between them is whole, as it stands
    among `words`."""
    divided = text.endswith((HYPHEN, "\u00ad", "-")) and len(text) > 1 and text[-2].isalpha()
    if not divided or not following[:1].isalpha():
        return text + space + following
    first, second = LAST_WORD.search(text[:-1]), _FIRST_WORD.match(following)
    head, rest = text[:-1], following
    if first and second:
        whole, hyphenated = (first[1] + joint + second[1] for joint in ("", "-"))
        if second[1][0].isupper() or (words[hyphenated.lower()] and not words[whole.lower()]):
            head += "-"
    if space == "\f":  # the whole word stays on the page where it begins
        word, _, rest = following.partition(" ")
        return f"{head}{word}\f{rest}"
    return head + rest
