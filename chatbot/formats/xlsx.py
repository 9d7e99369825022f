from __future__ import annotations

import datetime
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chatbot.formats.archive import open_package
from chatbot.formats.content import Content, Part, tidy
from chatbot.formats.table import table_parts, with_joined_heads

_LITERAL = re.compile(r'"[^"]*"|\\.')  # of a number format: what is shown as it stands

_SCANNED = re.compile(
    rb"<(?:\w+:)?mergeCell\s[^<>]{0,100}?\bref\s*=\s*[\"'](?P<merged>[A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})[\"']"
    rb"|<(?:\w+:)?c\b(?![^<>]*\bt=[\"']str)[^<>]*>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>\s*|<(?:\w+:)?v>\s*</(?:\w+:)?v>\s*)?</(?:\w+:)?c>"
)
_CURRENCY = re.compile(r'\[\$(?P<named>[^]-]+)[^]]*]|"(?P<quoted>[^"]*)"|(?P<sign>[$£€¥₹])')
_LOCALE = re.compile(r"\[\$-[^]]*]")  # of a number format: whose words and digits, no currency
_SIGNS = frozenset("$£€¥₹")
_HELD = re.compile(r'\[[^]]*]|"[^"]*"|[\\_*].')  # of a number format: no digits
_CODE = re.compile(r"[A-Z]{3}")
_BLOCK_BYTES = 1 << 20
_LONGEST_MATCH = 20_000  # bytes; a formula has up to 8,192 characters
_MOST_SPANNED = 100  # columns of a cell


def read_xlsx(data: bytes) -> Content:
    """Values as last computed; a formula that was never computed is empty."""
    import openpyxl  # type: ignore[import-untyped]

    open_package(data).close()
    with warnings.catch_warnings(action="ignore"):  # of formats and charts that it does not keep
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    parts: list[Part] = []
    notes: list[str] = []
    uncomputed = 0
    try:
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                notes.append(f"hidden sheet {sheet.title!r} left out")
                continue
            sheet.reset_dimensions()  # some writers declare them wrongly
            known = _scan(sheet)
            uncomputed += known.uncomputed
            parts.append(Part(tidy(sheet.title), 1))
            parts += table_parts(with_joined_heads(_rows(sheet, known.merged)))
        title = tidy(book.properties.title or "")
    finally:
        book.close()
    if uncomputed:
        cells = "1 cell holds a formula" if uncomputed == 1 else f"{uncomputed:,} cells hold formulas"
        notes.append(f"{cells} without a value; open and save it in the spreadsheet program")
    return Content(tuple(parts), title, warnings=tuple(notes))


def _rows(sheet: Any, merged: dict[int, list[tuple[int, int, int]]]) -> Iterator[tuple[list[str], list[str]]]:
    """The cells of each row, and with those merged over columns in all of these.

    Those merged over rows stand in each that holds a cell of its own.
    """
    above: dict[int, tuple[int, str]] = {}  # column -> the last row of a merged cell, and its text
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_cell(cell) for cell in row]
        above = {column: (last, text) for column, (last, text) in above.items() if last >= number}
        for column, (_, text) in above.items() if any(cells) else ():
            cells += [""] * (column + 1 - len(cells))
            cells[column] = text
        filled = [*cells]
        for first, end, last in merged.get(number, ()):
            if first < len(cells) and last > number:
                above[first] = last, cells[first]
            if first < len(cells):
                filled[first:end] = [cells[first]] * (min(end, first + _MOST_SPANNED) - first)
        yield cells, filled


@dataclass
class _Known:
    """What a sheet that is read by the row does not tell.

    `merged` has the merged cells that begin in each row: first column, from 0, the one behind the last, and the last row.
    """

    merged: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    uncomputed: int = 0  # formulas without a value


def _scan(sheet: Any) -> _Known:
    from openpyxl.utils import range_boundaries  # type: ignore[import-untyped]

    known = _Known()
    with sheet._get_source() as source:
        rest = b""
        while block := source.read(_BLOCK_BYTES):
            held = rest + block
            rest = held[-_LONGEST_MATCH:]
            for found in _SCANNED.finditer(held):
                if found["merged"]:
                    first, top, last, bottom = range_boundaries(found["merged"].decode("ascii"))
                    known.merged.setdefault(top, []).append((first - 1, last, bottom))
                else:
                    known.uncomputed += 1
                rest = rest[max(0, found.end() - len(held) + len(rest)) :]  # not to be found again
    return known


def _cell(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "")
    if isinstance(value, datetime.datetime):
        return (
            value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "minutes")
        )
    return tidy(str(value))


def _number(value: float, number_format: str) -> str:
    """An amount of money as the sheet shows it; else as many digits as its reader could mean: 15, what Excel keeps."""
    number_format = _LOCALE.sub("", number_format)
    if money := _money(value, number_format.split(";")[0]):
        return money
    if "%" in _LITERAL.sub("", number_format):
        return f"{value * 100:.10g} %"
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _money(value: float, number_format: str) -> str:
    """ "£1,200.50"; "" where the format names no currency."""
    bare = _HELD.sub(lambda held: " " * len(held[0]), number_format)
    digits = re.search(r"[#0?][#0?,]*(?:\.(?P<decimals>[#0?]+))?", bare)
    for found in _CURRENCY.finditer(number_format):
        name = (found["named"] or found["quoted"] or found["sign"] or "").strip()
        if digits and name and (found["named"] or name in _SIGNS or _CODE.fullmatch(name)):
            amount = f"{abs(value):,.{len(digits['decimals'] or '')}f}"
            amount = amount if "," in digits[0] else amount.replace(",", "")
            before = found.start() < digits.start()
            words = [name, amount] if before else [amount, name]
            return ("-" if value < 0 else "") + ("" if before and name in _SIGNS else " ").join(words)
    return ""
