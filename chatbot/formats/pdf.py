from __future__ import annotations

import io
import re
import statistics
import threading
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from chatbot.formats.content import (
    MAX_PAGES,
    MAX_STREAM_BYTES,
    NO_TEXT_LAYER,
    Content,
    Unreadable,
    page_list,
    tidy,
)
from chatbot.formats.page_layout import HYPHEN, Run, lines, paragraphs, without_repeats
from chatbot.formats.pdf_pages import blank_large_pages

_PDFIUM = threading.Lock()  # PDFium is not safe to use from several threads
_HYPHENS = {0x2, 0xFFFE}  # PDFium's signs for a hyphen that divides a word
_WIDE_GAP = 1.0  # times the height of a character: wider than a space of a justified line
_STREAM = re.compile(rb"(?<!end)stream[^\r\n]{0,99}(?:\r\n?|\n)")
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
_DICTIONARY_BYTES = 4096  # before a stream; enough to tell that it is an image
_FILTERS = 8  # one on the other; honest text is packed once
_BOMB = f"more than {MAX_STREAM_BYTES >> 20} MB"
_STEP = 1 << 16  # bytes
_NO_TITLE = re.compile(
    r"untitled|microsoft \w+ - |.*\.(?:docx?|pdf|indd|tex|dvi|rtf|odt|pptx?)$", re.IGNORECASE
)


def read_pdf(data: bytes) -> Content:
    """Text with its pages; those that show something but hold no text are named in the warnings."""
    with _PDFIUM:
        title, pages, filled, damaged, bombs, large = _read_pages(data)
    pages = without_repeats(pages)
    textless = [number for number in filled if not pages[number - 1]]
    if (bombs or large) and not any(pages):
        raise Unreadable(f"holds no text but what unpacks to {_BOMB}; divide it")
    if not any(pages):
        raise Unreadable(
            f"is {NO_TEXT_LAYER} on any of its {len(pages)} pages; recognise its text (OCR) first"
        )
    warnings = []
    if textless:
        warnings.append(f"{len(textless)} of {len(pages)} pages {NO_TEXT_LAYER} (page {page_list(textless)})")
    if damaged:
        warnings.append(f"{len(damaged)} of {len(pages)} pages damaged (page {page_list(damaged)})")
    if bombs:
        warnings.append(f"{bombs} of its streams left out, for unpacking to {_BOMB}")
    if large:
        warnings.append(f"{large} of its pages left out, for unpacking to {_BOMB}")
    ordered = [line for number, page in enumerate(pages, 1) for line in lines(page, number)]
    return Content(tuple(paragraphs(ordered)), title, len(pages), tuple(warnings))


def _read_pages(data: bytes) -> tuple[str, list[list[Run]], list[int], list[int], int, int]:
    """Title, runs of every page, the numbers of pages that show anything and of damaged ones, and how many
    streams and pages were left out as bombs."""
    import pypdfium2  # type: ignore[import-untyped]

    pdf, bombs, large = _open(data)
    pages: list[list[Run]] = []
    filled, damaged = [], []
    with pdf:
        for index in range(len(pdf)):
            pages.append([])
            try:
                page = pdf[index]
            except pypdfium2.PdfiumError:
                damaged.append(index + 1)
                continue
            pages[-1] = list(_runs(page))
            if pypdfium2.raw.FPDFPage_CountObjects(page) > 0:
                filled.append(index + 1)
            page.close()
        title = tidy(pdf.get_metadata_value("Title"))
    return "" if _NO_TITLE.match(title) else title, pages, filled, damaged, bombs, large


def _open(data: bytes) -> tuple[Any, int, int]:
    """The PDF without bombs, and how many of its streams and pages are such."""
    import pypdfium2

    data, bombs = _blank_bombs(data)
    try:
        with pypdfium2.PdfDocument(data) as pdf:
            if len(pdf) > MAX_PAGES:
                raise Unreadable(f"has {len(pdf):,} pages, more than {MAX_PAGES:,}; divide it")
            locked = pypdfium2.raw.FPDF_GetSecurityHandlerRevision(pdf) >= 0
            clear = io.BytesIO()
            pdf.save(clear, flags=pypdfium2.raw.FPDF_REMOVE_SECURITY)
        saved = clear.getvalue()
        if locked:  # what is encrypted cannot be unpacked before
            saved, bombs = _blank_bombs(saved)
        blanked, pages = blank_large_pages(saved)
        return pypdfium2.PdfDocument(blanked if locked or pages else data), bombs, pages
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        reason = "is locked with a password; save it without one" if locked else "is damaged or cut short"
        raise Unreadable(reason) from error


def _blank_bombs(data: bytes) -> tuple[bytes, int]:
    """With the streams that unpack beyond the limit made unreadable, and how many those are."""
    bombs = [match.end() for match in _STREAM.finditer(data) if _is_bomb(data, match)]
    if not bombs:
        return data, 0
    blanked = bytearray(data)
    for start in bombs:
        blanked[start : start + 2] = b"\0\0"  # no packed data begins so
    return bytes(blanked), len(bombs)


def _is_bomb(data: bytes, match: re.Match[bytes]) -> bool:
    before = data[max(0, match.start() - _DICTIONARY_BYTES) : match.start()]
    if _IMAGE.search(before, before.rfind(b" obj") + 1):
        return False  # PDFium does not unpack images to read the text
    for filters in range(1, _FILTERS + 1):
        chunks: Iterable[bytes] = (data[at : at + _STEP] for at in range(match.end(), len(data), _STEP))
        for _ in range(filters):
            chunks = _unpacked(chunks)
        size = 0
        try:
            for chunk in chunks:
                size += len(chunk)
                if size > MAX_STREAM_BYTES:
                    return True
        except zlib.error:  # no further filter, or damaged from here on
            pass
    return False


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    for chunk in chunks:
        while chunk and not inflate.eof:
            yield inflate.decompress(chunk, _STEP)
            chunk = inflate.unconsumed_tail
        if inflate.eof:
            return


def _runs(page: Any) -> Iterator[Run]:
    """Characters of a page gathered until a line ends or a wide gap follows."""
    text: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []
    for character, box in _characters(page):
        if text and (character == "\n" or (box and boxes and _apart(boxes[-1], box))):
            yield from _run(text, boxes)
            text, boxes = [], []
        if character != "\n":
            text.append(character)
            if box:
                boxes.append(box)
    yield from _run(text, boxes)


def _apart(before: tuple[float, float, float, float], box: tuple[float, float, float, float]) -> bool:
    """Whether two characters, one after the other, are far from each other."""
    height = max(before[3] - before[2], box[3] - box[2])
    shift = abs((before[3] + before[2]) - (box[3] + box[2])) / 2
    gap = box[0] - before[1]
    return shift > 0.7 * height or gap > _WIDE_GAP * height or gap < -2 * height


def _run(text: list[str], boxes: list[tuple[float, float, float, float]]) -> Iterator[Run]:
    halves = "".join(text).encode("utf-16-le", "surrogatepass")  # PDFium may give a character in two
    joined = halves.decode("utf-16-le", "ignore")
    if not joined.strip() or not boxes:
        return
    left, right = min(box[0] for box in boxes), max(box[1] for box in boxes)
    bottom, top = (statistics.median(box[side] for box in boxes) for side in (2, 3))
    if len(boxes) > 4 and right - left < top - bottom:  # set upright along the margin
        return
    yield Run(joined, left, right, bottom, top)


def _characters(page: Any) -> Iterator[tuple[str, tuple[float, float, float, float] | None]]:
    """Each character with its box (left, right, bottom, top), as the turned page shows it; spaces have none."""
    from ctypes import byref

    from pypdfium2 import raw

    turn = page.get_rotation()
    sheet = page.get_textpage()
    box = raw.FS_RECTF()
    try:
        for index in range(sheet.count_chars()):
            code = raw.FPDFText_GetUnicode(sheet, index)
            if code in (0, 0xD):
                continue
            character = HYPHEN if code in _HYPHENS else chr(code)
            if character.isspace() or not raw.FPDFText_GetLooseCharBox(sheet, index, byref(box)):
                yield ("\n" if character == "\n" else " "), None
                continue
            yield character, _turned(box.left, box.right, box.bottom, box.top, turn)
    finally:
        sheet.close()


def _turned(
    left: float, right: float, bottom: float, top: float, turn: int
) -> tuple[float, float, float, float]:
    if turn == 90:
        return bottom, top, -right, -left
    if turn == 180:
        return -right, -left, -top, -bottom
    if turn == 270:
        return -top, -bottom, left, right
    return left, right, bottom, top
