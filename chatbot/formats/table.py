"""Rows of cells as sentences: "Name: Yalta; Year: 1945", "Place: Yalta". And the rows of tables in Markdown."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from chatbot.formats.content import MAX_ROWS, Part, Unreadable

_NUMBER = re.compile(r"[-–−+(]?[$€£¥]?\s*\d[\d.,'\s/:%–−-]*\)?\s*(?:%|[$€£¥])?")
_HEADER_CHARACTERS = 60
_CELL_END = re.compile(r"(?<!\\)\|")
_BELOW_HEAD = re.compile(r"[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*(?:\||$))+[ \t]*")

_LABEL_CHARACTERS = 40
_VALUE = re.compile(r"[-–−+]?[$€£¥]?\s?\d[\d.,'/:–-]*(?:\s?[^\s\d]{1,8})?|\S+@\S+|(?:https?://|www\.)\S+")
_DATE = re.compile(r"\d{1,2}\.? [^\W\d]+ \d{2,4}")
_OF_VALUES = frozenset(
    """
    answer comment comments content data default definition description detail details example examples
    explanation format info information meaning note notes purpose remark remarks result results sample samples
    text use value values
    """.split()
)
_LABELS = frozenset(  # what things are described by
    """
    account address age amount area author beam birth birthday born brand capacity category city client code
    colour color company contact cost country currency customer date deadline department deposit depth
    destination draught due duration editor email e-mail employer end engine fax fee frequency grade height id
    isbn job language length licence license location maker make manufacturer mass material mobile model name
    number occupation owner phone place population position postcode power price profession publisher quantity
    reference region rent role salary serial sex size speed start status street supplier surname tel telephone
    time title total town type unit url vat version voltage volume warranty web website weight width year zip
    """.split()
)

Row = Sequence[str]  # tidy cells, "" for an empty one


def table_parts(
    rows: Iterable[Row], page: int = 0, header: Row | None = None, labelled: bool = False
) -> Iterator[Part]:
    """The rows of regions that are parted by empty rows, each with the names of its columns.

    A lone cell above a header is a caption. A region without a header of its own keeps the one before
    when it is as wide. Without any header a row is its cells; the first is the name of the others where the table
    is `labelled`, or seems to be. No header is looked for where one is given, or the table is labelled.
    """
    known = header is not None or labelled
    header = header or ()
    count = 0
    for filled, group in itertools.groupby(rows, any):
        if not filled:
            continue
        region = list(itertools.islice(group, MAX_ROWS + 1 - count))
        count += len(region)
        if count > MAX_ROWS:
            raise Unreadable(f"has more than {MAX_ROWS:,} rows; divide it")
        has_labels = labelled
        if not known:
            if _width(region) > 1:
                while len(region) > 1 and sum(map(bool, region[0])) == 1:
                    yield Part("".join(region.pop(0)), page=page)
            has_labels = _has_labels(region)
            if not has_labels and _has_header(region, header):
                header = region.pop(0)
            elif has_labels or _width([header]) != _width(region):
                header = ()
        for row in region:
            text = _labelled_row(row) if has_labels else row_sentence(row, header)
            yield Part(text, page=page, row=True)


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


def _labelled_row(row: Row) -> str:
    """ "Opens: 9:00; 14:00"."""
    label, *values = filter(None, row)
    return f"{label.rstrip(':')}: {'; '.join(values)}" if values else label


def joined_names(heads: Sequence[Row]) -> Row:
    """The names of columns from several rows, where a cell over many columns stands in each: "Fee Day"."""
    columns = itertools.zip_longest(*heads, fillvalue="")
    return [" ".join(filter(None, dict.fromkeys(names))) for names in columns]


def with_joined_heads(rows: Iterable[tuple[Row, Row]]) -> Iterator[Row]:
    """Rows in which a cell over several columns, above a name for each, is joined with these.

    Each row comes as it is, and with what spans columns in all of them. Names stand in the first two rows of a
    region, below captions of one cell and above other rows.
    """
    for _, region in itertools.groupby(rows, lambda row: any(row[0])):
        yield from _with_joined_head(region)


def _with_joined_head(region: Iterator[tuple[Row, Row]]) -> Iterator[Row]:
    for first in region:
        if sum(map(bool, first[0])) < 2:
            yield first[0]
            continue
        top = [first, *itertools.islice(region, 2)]
        if len(top) > 2 and _are_names_below(*first, top[1][0]):
            yield joined_names([first[1], top[1][0]])
            del top[:2]
        yield from (row for row, _ in itertools.chain(top, region))


def _are_names_below(row: Row, filled: Row, below: Row) -> bool:
    pairs = itertools.zip_longest(row, filled, fillvalue="")
    spanned = [number for number, (cell, name) in enumerate(pairs) if name and not cell]
    names = [cell for cell in (*row, *below) if cell]
    return (
        bool(spanned)
        and sum(map(bool, row)) > 1
        and len(below) >= len(filled)
        and all(below[number] and below[number - 1] for number in spanned)
        and not any(_NUMBER.fullmatch(name) or len(name) > _HEADER_CHARACTERS for name in names)
    )


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
    head = below = ""
    while line:
        line, stop = text.rfind("\n", 0, line - 1) + 1, line
        row = text[line:stop].rstrip("\r\n")
        if "|" not in row:
            break
        if _BELOW_HEAD.fullmatch(below):  # the topmost counts: a row below may be of dashes
            names = cells_of(row)[max(before.count("|") - 1, 0) :]
            head = row[names[0][0] : names[-1][1]] if names else ""
        below = row
    return head


def _width(rows: Sequence[Row]) -> int:
    """How many columns hold something."""
    return len({column for row in rows for column, cell in enumerate(row) if cell})


def _has_labels(region: Sequence[Row]) -> bool:
    """Whether each row of two cells is a label with its value: "Length | 4.2 m" below "Name | Otter".

    Else the first row may name the columns, as "Item | Price" does above values that are all of a kind.
    """
    pairs = [[cell for cell in row if cell] for row in region]
    if len(pairs) < 2 or _width(region) != 2 or any(len(pair) != 2 for pair in pairs):
        return False
    labels = [label for label, _ in pairs]
    if len(set(labels)) < len(labels) or any(
        _NUMBER.fullmatch(label) or len(label) > _LABEL_CHARACTERS for label in labels
    ):
        return False
    if all(label.endswith(":") for label in labels):
        return True
    first, *below = (_kind(value) for _, value in pairs)
    if len(set(below)) == 1 and below[0]:
        return False
    if first:
        return len({first, *below}) > 1
    if _names_values(pairs[0][1]):
        return False
    return sum(map(_is_label, labels[1:])) * 2 >= len(below) and _is_label(labels[0])


def _is_label(text: str) -> bool:
    return text.lower().rstrip(" :") in _LABELS  # not "Mexico City"


def _names_values(text: str) -> bool:
    """Whether it may be the name of a column: "Meaning", "Country", "Unit price", "Date of birth"."""
    words = re.findall(r"[\w-]+", text.lower())
    return bool(words) and not (_LABELS | _OF_VALUES).isdisjoint((words[0], words[-1]))


def _kind(value: str) -> str:
    """ "0 m" for "4.2 m"; "" for words."""
    if _DATE.fullmatch(value):
        return "date"
    return re.sub(r"\d[\d.,]*", "0", value) if _VALUE.fullmatch(value) else ""


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
