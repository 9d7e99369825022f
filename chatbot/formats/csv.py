from __future__ import annotations

import csv
import io
import itertools
from collections import Counter

from chatbot.formats.content import MAX_ROWS, Content, Unreadable, tidy
from chatbot.formats.encoding import decode
from chatbot.formats.table import table_parts

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 50
_SAMPLE_CHARACTERS = 100_000


def read_csv(data: bytes) -> Content:
    text, note = decode(data)
    delimiter = _delimiter(text[:_SAMPLE_CHARACTERS])
    try:
        cells = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        filled = filter(any, ([tidy(cell) for cell in row] for row in cells))  # empty lines part nothing here
        rows = list(itertools.islice(filled, MAX_ROWS + 2))
    except csv.Error as error:
        raise Unreadable(f"is no table ({error})") from error
    return Content(tuple(table_parts(rows)), warnings=(note,) if note else ())


def _delimiter(text: str) -> str:
    """The one that divides most of the first lines into the same number of columns, the more the better."""

    def evenness(delimiter: str) -> tuple[int, int]:
        rows = itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), _SAMPLE_ROWS)
        try:
            widths = Counter(len(row) for row in rows if row)
        except csv.Error:
            return 0, 0
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(0, 0))
        return (count, width) if width > 1 else (0, 0)

    return max(_DELIMITERS, key=evenness)
