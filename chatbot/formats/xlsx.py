from __future__ import annotations

import datetime
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

from chatbot.formats.archive import open_package
from chatbot.formats.content import Content, Part, tidy
from chatbot.formats.table import table_parts, with_joined_heads

_LITERAL = re.compile(r'"[^"]*"|\\.')  # of a number format: what is shown as it stands

_MERGED = re.compile(
    rb"<(?:\w+:)?mergeCell\s[^<>]{0,100}?\bref\s*=\s*[\"']([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})[\"']"
)
_BLOCK_BYTES = 1 << 20
_LONGEST_TAG = 200  # bytes
_MOST_SPANNED = 100  # columns of a cell


def read_xlsx(data: bytes) -> Content:
    """Values as last computed; a formula that was never computed is empty."""
    import openpyxl  # type: ignore[import-untyped]

    open_package(data).close()
    with warnings.catch_warnings(action="ignore"):  # of formats and charts that it does not keep
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    parts: list[Part] = []
    notes: list[str] = []
    try:
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                notes.append(f"hidden sheet {sheet.title!r} left out")
                continue
            sheet.reset_dimensions()  # some writers declare them wrongly
            parts += [Part(tidy(sheet.title), 1), *table_parts(with_joined_heads(_rows(sheet)))]
        title = tidy(book.properties.title or "")
    finally:
        book.close()
    return Content(tuple(parts), title, warnings=tuple(notes))


def _rows(sheet: Any) -> Iterator[tuple[list[str], list[str]]]:
    """The cells of each row, those merged over rows in all of them; and with those merged over columns in all of these."""
    merged = _merged(sheet)
    above: dict[int, tuple[int, str]] = {}  # column -> the last row of a merged cell, and its text
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_cell(cell) for cell in row]
        above = {column: (last, text) for column, (last, text) in above.items() if last >= number}
        for column, (_, text) in above.items():
            cells += [""] * (column + 1 - len(cells))
            cells[column] = text
        filled = [*cells]
        for first, end, last in merged.get(number, ()):
            if first < len(cells) and last > number:
                above[first] = last, cells[first]
            if first < len(cells):
                filled[first:end] = [cells[first]] * (min(end, first + _MOST_SPANNED) - first)
        yield cells, filled


def _merged(sheet: Any) -> dict[int, list[tuple[int, int, int]]]:
    """The merged cells that begin in each row: first column, from 0, the one behind the last, and the last row."""
    from openpyxl.utils import range_boundaries  # type: ignore[import-untyped]

    merged: dict[int, list[tuple[int, int, int]]] = {}
    with sheet._get_source() as source:  # a sheet that is read by the row does not know them
        rest = b""
        while block := source.read(_BLOCK_BYTES):
            held = rest + block
            rest = held[-_LONGEST_TAG:]
            for found in _MERGED.finditer(held):
                first, top, last, bottom = range_boundaries(found[1].decode("ascii"))
                merged.setdefault(top, []).append((first - 1, last, bottom))
                rest = rest[max(0, found.end() - len(held) + len(rest)) :]  # not to be found again
    return merged


def _cell(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value, _LITERAL.sub("", cell.number_format or ""))
    if isinstance(value, datetime.datetime):
        return (
            value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "minutes")
        )
    return tidy(str(value))


def _number(value: float, number_format: str) -> str:
    """As many digits as a reader of the sheet could mean: 15, what Excel itself keeps."""
    if "%" in number_format:
        return f"{value * 100:.10g} %"
    return str(value) if isinstance(value, int) else f"{value:.15g}"
