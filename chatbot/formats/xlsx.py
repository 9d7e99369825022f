from __future__ import annotations

import datetime
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

from chatbot.formats.archive import open_package
from chatbot.formats.content import Content, Part, tidy
from chatbot.formats.table import table_parts

_LITERAL = re.compile(r'"[^"]*"|\\.')  # of a number format: what is shown as it stands


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
            parts += [Part(tidy(sheet.title), 1), *table_parts(_rows(sheet))]
        title = tidy(book.properties.title or "")
    finally:
        book.close()
    return Content(tuple(parts), title, warnings=tuple(notes))


def _rows(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        yield [_cell(cell) for cell in row]


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
