"""What a page of a PDF unpacks to, told before PDFium reads it.

A page may list one stream a thousand times, and a form may draw another ten times that draws a third: some
kilobytes become gigabytes, though no stream is large.
"""

from __future__ import annotations

import base64
import re
import zlib
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from chatbot.formats.content import MAX_STREAM_BYTES, MAX_UNPACKED_BYTES

Forms = dict[bytes, int]  # name -> number of the object
Fonts = frozenset[int]  # their keys in `_File._fonts`

_DRAWING_BYTES = 64  # what to draw a form takes of PDFium, 700 bytes, so many bytes of operators take as well
_NESTED = 40  # forms; PDFium goes no deeper
_STEP = 1 << 14  # bytes
_REGULAR = rb"[^\s\0()<>\[\]{}/%]"
_DRAWING = re.compile(rb"Do(?<!%bDo)(?!%b)" % (_REGULAR, _REGULAR))  # begins with letters: a fast search
_NAME_BEFORE = re.compile(rb"(/%b*+)[\s\0]*+\Z" % _REGULAR)
_STRING_BEFORE = re.compile(rb"[)>][\s\0]*+\Z|%")  # or perhaps a comment between
_LOOK_BACK = 256  # bytes; a name has 127
_TOKEN = re.compile(
    rb"<<|>>|[\[\]]|/%b*+|(\d+) \d+ R\b|\((?:\\.|[^\\()])*+\)|<[^<>]*+>|%b++" % (_REGULAR, _REGULAR),
    re.DOTALL,
)
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_OBJECT_STREAM = b">>stream\r\n"
_BLANK = b"/Emptied "  # as long as /Contents
_CLEAR, _END = 256, 257  # codes of LZW


class _TooMuch(Exception):
    pass


def blank_large_pages(saved: bytes) -> tuple[bytes, int]:
    """With the pages emptied that unpack beyond the limit, alone or together with those of lower numbers, and how
    many those are. `saved` is what PDFium wrote: every object in the open, all spelled in one way."""
    file = _File(saved)
    blanked = bytearray()
    count, total = 0, 0
    for start, end, page in file.pages():
        try:
            if total <= MAX_UNPACKED_BYTES:
                total += file.page_bytes(page)
            if total <= MAX_UNPACKED_BYTES:
                continue
        except _TooMuch:
            pass
        blanked = blanked or bytearray(saved)
        blanked[start:end] = saved[start:end].replace(b"/Contents", _BLANK)
        count += 1
    return bytes(blanked) or saved, count


class _File:
    """The objects of a PDF. A reference is an int; names, numbers and strings are the bytes they are written in."""

    def __init__(self, saved: bytes) -> None:
        self._saved = saved
        self._places = _places(saved)
        self._parsed: dict[int, tuple[Any, int]] = {}
        self._fonts: dict[int, dict[bytes, Any]] = {}  # by id: a font need not be an object of its own
        self._measured: dict[tuple[int, frozenset[tuple[bytes, int]]], tuple[int, Fonts]] = {}

    def pages(self) -> Iterator[tuple[int, int, dict[bytes, Any]]]:
        """Each page with the place at which it is written."""
        for number, (start, end) in self._places.items():
            if self._saved.find(b"/Contents", start, end) >= 0:
                page, data = self._object(number)
                if data < 0 and isinstance(page, dict) and b"/Contents" in page:
                    yield start, end, page

    def page_bytes(self, page: dict[bytes, Any]) -> int:
        """What the page unpacks to, each stream and form as often as it is listed or drawn, and the glyphs that its
        fonts draw once. Raises _TooMuch beyond the limit."""
        forms, fonts = self._resources(self._inherited(page, b"/Resources"), {})
        contents = page[b"/Contents"]
        listed = self._value(contents)
        total, drawn = self._drawing(
            self._joined(listed if isinstance(listed, list) else [contents]), forms, ()
        )
        waiting, known = [*(fonts | drawn)], set(fonts | drawn)
        while waiting:
            font = self._fonts[waiting.pop()]
            within, _ = self._resources(font.get(b"/Resources"), forms)
            for glyph in self._dictionary(font.get(b"/CharProcs")).values():
                size, fonts = self._stream_drawing(glyph, within, ())
                total = _checked(total + size)
                waiting += fonts - known
                known |= fonts
        return total

    def _inherited(self, page: dict[bytes, Any], key: bytes) -> Any:
        for _ in range(_NESTED):
            if key in page:
                return page[key]
            page = self._dictionary(page.get(b"/Parent"))
        return None

    def _joined(self, streams: list[Any]) -> bytes:
        """One after the other: a name may stand in one and its operator in the next."""
        data: list[bytes] = []
        size = 0
        for stream in streams:
            data.append(self._unpacked(stream))
            size = _checked(size + len(data[-1]))
        return b" ".join(data)

    def _drawing(self, data: bytes, forms: Forms, within: tuple[int, ...]) -> tuple[int, Fonts]:
        """Bytes of the operators and of all that they draw, with the fonts of what they draw."""
        total, fonts = len(data), frozenset[int]()
        for name, times in Counter(_drawings(data)).items():
            called = [forms.get(name)] if name else forms.values()
            drawn = [self._form(form, forms, within) for form in called]
            total = _checked(total + times * (_DRAWING_BYTES + max((size for size, _ in drawn), default=0)))
            fonts = fonts.union(*(found for _, found in drawn))
        return total, fonts

    def _form(self, number: Any, forms: Forms, within: tuple[int, ...]) -> tuple[int, Fonts]:
        """Nothing for an image. Raises _TooMuch for a form that draws itself."""
        if self._dictionary(number).get(b"/Subtype") != b"/Form":
            return 0, frozenset()
        if number in within or len(within) >= _NESTED:
            raise _TooMuch
        return self._stream_drawing(number, forms, within)

    def _stream_drawing(self, number: Any, forms: Forms, within: tuple[int, ...]) -> tuple[int, Fonts]:
        if not isinstance(number, int):
            return 0, frozenset()
        forms, fonts = self._resources(self._dictionary(number).get(b"/Resources"), forms)
        measured = number, frozenset(forms.items())
        if measured not in self._measured:
            total, drawn = self._drawing(self._unpacked(number), forms, (*within, number))
            self._measured[measured] = total, fonts | drawn
        return self._measured[measured]

    def _resources(self, value: Any, above: Forms) -> tuple[Forms, Fonts]:
        """The forms that a name may mean, those of `above` too, and the fonts whose glyphs are drawings."""
        resources = self._dictionary(value)
        named = self._dictionary(resources.get(b"/XObject"))
        forms = {_name(name): number for name, number in named.items() if isinstance(number, int)}
        fonts = map(self._dictionary, self._dictionary(resources.get(b"/Font")).values())
        drawn = {id(font): font for font in fonts if b"/CharProcs" in font}
        self._fonts |= drawn
        return {**above, **forms}, frozenset(drawn)

    def _unpacked(self, number: Any) -> bytes:
        """Raises _TooMuch beyond the limit, and where only PDFium could tell."""
        value, start = self._object(number)
        if start < 0:
            return b""
        _, end = self._places[number]
        data = self._saved[start : self._saved.rfind(b"endstream", start, end)]
        filters = self._value(value.get(b"/Filter"))
        settings = self._value(value.get(b"/DecodeParms"))
        for setting in settings if isinstance(settings, list) else [settings]:
            told = self._dictionary(setting)
            if any(self._value(told.get(key, b"1")) != b"1" for key in (b"/Predictor", b"/EarlyChange")):
                raise _TooMuch
        for name in filters if isinstance(filters, list) else [filters] if filters else []:
            try:
                data = _FILTERS.get(self._value(name), bytes)(data)
            except ValueError as error:
                raise _TooMuch from error
        return data

    def _dictionary(self, value: Any) -> dict[bytes, Any]:
        value = self._value(value)
        return value if isinstance(value, dict) else {}

    def _value(self, value: Any) -> Any:
        for _ in range(_NESTED):
            if not isinstance(value, int):
                return value
            value, _ = self._object(value)
        return None

    def _object(self, number: Any) -> tuple[Any, int]:
        """The value, of a stream its dictionary, and where the stream's bytes start; -1 for what is none."""
        if number not in self._places:
            return None, -1
        if number not in self._parsed:
            start, end = self._places[number]
            data = self._saved.find(_OBJECT_STREAM, start, end)
            stop = data + 2 if data >= 0 else end
            value = _parsed(self._saved[self._saved.find(b"obj", start) + 3 : stop])
            self._parsed[number] = value, data + len(_OBJECT_STREAM) if data >= 0 else -1
        return self._parsed[number]


def _places(saved: bytes) -> dict[int, tuple[int, int]]:
    """Number of each object -> where it is written, from the table at the end."""
    starts: dict[int, int] = {}
    number = 0
    table = int(saved[saved.rfind(b"startxref") + 9 :].split()[0])
    for line in saved[table:].splitlines()[1:]:
        match line.split():
            case [first, _]:
                number = int(first)
            case [offset, _, kind]:
                if kind == b"n":
                    starts[number] = int(offset)
                number += 1
            case _:
                break
    ends = [*sorted(starts.values()), table]
    return {number: (start, ends[bisect(ends, start)]) for number, start in starts.items()}


def _parsed(written: bytes) -> Any:
    open_: list[list[Any]] = [[]]
    for token in _TOKEN.finditer(written):
        if token[0] in {b"<<", b"["}:
            open_.append([])
        elif token[0] in {b">>", b"]"}:
            inner = open_.pop()
            open_[-1].append(inner if token[0] == b"]" else dict(zip(inner[::2], inner[1::2], strict=False)))
        else:
            open_[-1].append(int(token[1]) if token[1] else token[0])
    return open_[0][0] if open_[0] else None


def _drawings(data: bytes) -> Iterator[bytes]:
    """The name of each form that is drawn; empty where it could be any, for PDFium takes a string for a name too."""
    for drawing in _DRAWING.finditer(data):
        before = data[max(0, drawing.start() - _LOOK_BACK) : drawing.start()]
        if name := _NAME_BEFORE.search(before):
            yield _name(name[1])
        elif _STRING_BEFORE.search(before):
            yield b""


def _checked(size: int) -> int:
    if size > MAX_STREAM_BYTES:
        raise _TooMuch
    return size


def _name(written: bytes) -> bytes:
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), written)


def _inflated(data: bytes) -> bytes:
    """As far as it is not damaged."""
    inflate, step = zlib.decompressobj(), _STEP
    out = bytearray()
    for at in range(0, len(data), _STEP):
        chunk = data[at : at + _STEP]
        while not inflate.eof:
            before = inflate.copy()
            try:
                piece = inflate.decompress(chunk, step)
            except zlib.error:
                if step == 1:
                    return bytes(out)
                inflate, step = before, 1
                continue
            chunk = inflate.unconsumed_tail
            if not piece and not chunk:
                break
            out += piece
            _checked(len(out))
    return bytes(out)


def _lzw(data: bytes) -> bytes:
    first = [bytes([code]) for code in range(256)] + [b"", b""]
    table, width, before = first[:], 9, b""
    out = bytearray()
    bits, held = 0, 0
    for byte in data:
        bits, held = bits << 8 | byte, held + 8
        if held < width:
            continue
        held -= width
        code, bits = bits >> held, bits & (1 << held) - 1
        if code == _END or code > len(table):
            break
        if code == _CLEAR:
            table, width, before = first[:], 9, b""
            continue
        piece = table[code] if code < len(table) else before + before[:1]
        if before and len(table) < 4096:
            table.append(before + piece[:1])
            width = 9 + sum(len(table) + 1 >= most for most in (512, 1024, 2048))
        before = piece
        out += piece
        _checked(len(out))
    return bytes(out)


def _digits(data: bytes) -> bytes:
    digits = b"".join(data.partition(b">")[0].split())
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def _base85(data: bytes) -> bytes:
    return base64.a85decode(data.partition(b"~")[0], ignorechars=b" \t\n\r\v\f\0")


def _untold(data: bytes) -> bytes:
    raise _TooMuch


_FILTERS: dict[bytes, Callable[[bytes], bytes]] = {
    **dict.fromkeys((b"/FlateDecode", b"/Fl"), _inflated),
    **dict.fromkeys((b"/LZWDecode", b"/LZW"), _lzw),
    **dict.fromkeys((b"/ASCIIHexDecode", b"/AHx"), _digits),
    **dict.fromkeys((b"/ASCII85Decode", b"/A85"), _base85),
    **dict.fromkeys((b"/RunLengthDecode", b"/RL"), _untold),  # used for images
}
