"""Rows of cells as sentences: "Name: Yalta; Year: 1945". And the rows of tables in Markdown."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from chatbot.formats.content import MAX_ROWS, Part, Unreadable

_NUMBER = re.compile(r"[-–−+(]?[$€£¥]?\s*\d[\d.,'\s/:%–−-]*\)?\s*(?:%|[$€£¥])?")
_HEADER_CHARACTERS = 60
_CELL_END = re.compile(r"(?<!\\)\|")
_BELOW_HEAD = re.compile(r"[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*(?:\||$))+[ \t]*")

Row = Sequence[str]  # tidy cells, "" for an empty one


def table_parts(rows: Iterable[Row], page: int = 0) -> Iterator[Part]:
    """The rows of regions that are parted by empty rows, each with the names of its columns.

    A lone cell above a header is a caption. A region without a header of its own keeps the one before
    when it is as wide. Without any header a row is its cells.
    """
    header: Row = ()
    count = 0
    for filled, group in itertools.groupby(rows, any):
        if not filled:
            continue
        region = list(itertools.islice(group, MAX_ROWS + 1 - count))
        count += len(region)
        if count > MAX_ROWS:
            raise Unreadable(f"has more than {MAX_ROWS:,} rows; divide it")
        if _width(region) > 1:
            while len(region) > 1 and sum(map(bool, region[0])) == 1:
                yield Part("".join(region.pop(0)), page=page)
        if _has_header(region, header):
            header = region.pop(0)
        elif _width([header]) != _width(region):
            header = ()
        for row in region:
            yield Part(row_sentence(row, header), page=page, row=True)


def row_cells(text: str) -> dict[str, str]:
    """The cells of a row, by the names of their columns or else their numbers; {} for what is no row.

    A row reads as `table_parts` writes it, or as Markdown has it: "Yalta | 1945".
    """
    if " | " in text:
        return {str(number): cell for number, cell in enumerate(text.strip("| ").split(" | "))}
    return {name: text[start:end] for name, (start, end) in named_cells(text)}


def named_cells(text: str) -> list[tuple[str, tuple[int, int]]]:
    """The columns' names and where their cells stand in a row as `table_parts` writes it; [] for what is no row."""
    cells, place = [], 0
    for cell in text.split("; "):
        name, joint, held = cell.partition(": ")
        if name and joint and held:
            start = place + len(name) + len(joint)
            cells.append((name, (start, start + len(held))))
        place += len(cell) + 2
    return cells if len(cells) > 1 else []


def row_sentence(row: Row, header: Row) -> str:
    """ "Name: Yalta; Year: 1945"; without what is empty."""
    cells = []
    for name, cell in itertools.zip_longest(header, row, fillvalue=""):
        if cell:
            cells.append(f"{name.rstrip(':')}: {cell}" if name else cell)
    return "; ".join(cells)


def cells_of(row: str) -> list[tuple[int, int]]:
    """Where the cells of a row of Markdown stand, with or without bars at its ends; not the spaces around them."""
    first = len(row) - len(row.lstrip())
    first += row.startswith("|", first)
    bars = [match.start() for match in _CELL_END.finditer(row, first)]
    ends = bars if bars and not row[bars[-1] + 1 :].strip() else [*bars, len(row)]
    cells = []
    for left, right in zip([first, *(end + 1 for end in ends)], ends, strict=False):
        held = row[left:right]
        start = left + len(held) - len(held.lstrip())
        cells.append((start, start + len(held.strip())))
    return cells


def column_names(text: str, start: int, end: int) -> str:
    """The head, as it stands, of the Markdown table of which text[start:end] is a row, bars at its ends left out.

    It begins with the name of the row's first cell that is not empty. "" where there is no head or no such row.
    """
    line = text.rfind("\n", 0, start) + 1
    before, behind = text[line:start], text[end:].partition("\n")[0]
    if before.strip(" \t|") or behind.strip(" \t\r|"):
        return ""
    below = ""
    while line:
        line, stop = text.rfind("\n", 0, line - 1) + 1, line
        row = text[line:stop].rstrip("\r\n")
        if "|" not in row:
            break
        if _BELOW_HEAD.fullmatch(below):
            names = cells_of(row)[max(before.count("|") - 1, 0) :]
            return row[names[0][0] : names[-1][1]] if names else ""
        below = row
    return ""


def _width(rows: Sequence[Row]) -> int:
    """How many columns hold something."""
    return len({column for row in rows for column, cell in enumerate(row) if cell})


def _has_header(region: Sequence[Row], before: Row) -> bool:
    """Whether the first row names the columns: short, distinct words above other rows."""
    names = [cell for cell in region[0] if cell]
    if len(region) < 2 or _width(region) < 2 or len(set(names)) < len(names):
        return False
    if any(_NUMBER.fullmatch(name) or len(name) > _HEADER_CHARACTERS for name in names):
        return False
    if len(names) < _width(region[1:]) - 1:  # one column, of labels, may go without a name
        return False
    numbers = any(_NUMBER.fullmatch(cell) for row in region[1:] for cell in row)
    return numbers or _width([before]) != _width(region)
