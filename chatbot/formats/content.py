"""What every reader of a format gives back, and the limits that all of them keep."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_FILE_BYTES = 256 << 20
MAX_MARKUP_BYTES = 64 << 20  # HTML or XML that is read as a whole; as a tree it takes ten times that
MAX_PAGES = 5_000  # a PDF or a slide show
MAX_STREAM_BYTES = 32 << 20  # of a page of a PDF, unpacked; PDFium takes up to fifteen times that
MAX_ROWS = 100_000  # a table of a sheet or a CSV file
MAX_MEMBERS = 10_000  # files in an archive
MAX_UNPACKED_BYTES = 512 << 20  # an archive, and an Office file or EPUB, which are archives too
MAX_RATIO = 200  # unpacked to packed; ordinary XML stays below 50
RATIO_FREE_BYTES = 8 << 20  # below this unpacked size no ratio matters

NO_TEXT_LAYER = "without a text layer"  # marks the warning that the reading report counts

_LIGATURES = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
_RAISED = str.maketrans("0123456789+-−–", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻")
_WHOLE_NUMBER = re.compile(r"\s*[+−–-]?\s*[0-9]+\s*")
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b\ufeff\ufffe\uffff\ud800-\udfff]")


class Unreadable(Exception):
    """Why a file cannot be read, worded to follow its name: "is empty"."""


@dataclass(frozen=True)
class Part:
    """A paragraph, list item, row or heading."""

    text: str
    level: int = 0  # of a heading, from 1; 0 for prose
    page: int = 0  # where it begins, from 1; 0 in a format without pages
    row: bool = False  # of a table: stands close to its neighbours


@dataclass(frozen=True)
class Content:
    """A form feed in a part's text marks where it runs over the end of a page."""

    parts: tuple[Part, ...]
    title: str = ""  # as the file gives it, "" without one
    pages: int = 0
    warnings: tuple[str, ...] = ()


def clean(text: str) -> str:
    """With letters for ligatures, without control characters, soft hyphens and half surrogates."""
    return _DROPPED.sub("", text).translate(_LIGATURES)


def tidy(text: str) -> str:
    """Cleaned, on one line, with single spaces."""
    return " ".join(clean(text).split())


def raised(text: str) -> str:
    """The text of a superscript: a number stays apart from the one before it, as in "10⁸"."""
    return text.translate(_RAISED) if _WHOLE_NUMBER.fullmatch(text) else text


def tidy_lines(text: str) -> str:
    """As `tidy`, but lines and the spaces in them stay."""
    return "\n".join(line.rstrip() for line in clean(text).strip("\r\n").splitlines())


def page_list(pages: list[int]) -> str:
    """[3, 5, 6, 7] -> "3, 5–7"."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
