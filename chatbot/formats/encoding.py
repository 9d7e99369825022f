"""Bytes to text."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes
from charset_normalizer.utils import is_multi_byte_encoding

_SAMPLE_BYTES = 1 << 20  # enough of a file to tell its encoding
_WESTERN = frozenset({"cp1252", "latin_1"})
_PAIRED = re.compile(rb"[\x80-\xff]{2}")  # as nearly every character of East Asia is written


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file and, unless it was UTF-8, a note on the encoding that was taken.

    A byte order mark is not part of the text. Raises UnicodeError with the reason for bytes that
    are no text or whose encoding cannot be told.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            try:
                return data.decode(encoding), ""
            except UnicodeDecodeError as error:
                raise UnicodeError(f"starts like {encoding} but is not ({error.reason})") from error
    if b"\0" in data:
        raise UnicodeError("is binary, not text")
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        return _decode_by_guess(data)


def decode_as(data: bytes, name: str) -> tuple[str, str]:
    """As `decode`, in the encoding of that name where the bytes are in it; what is called Latin-1 is read as browsers do."""
    try:
        # https://encoding.spec.whatwg.org/#names-and-labels
        encoding = codecs.lookup(name).name
        return data.decode("cp1252" if encoding == "iso8859-1" else encoding), ""
    except (LookupError, UnicodeDecodeError):
        return decode(data)


def _decode_by_guess(data: bytes) -> tuple[str, str]:
    matches = from_bytes(data[:_SAMPLE_BYTES])
    guess = matches.best()
    usual = next((match for match in matches if _WESTERN & {*match.could_be_from_charset}), None)
    if (
        guess and usual and usual.chaos <= guess.chaos + 0.05
    ):  # Western European, unless another reads clearly better
        guess = usual
    if guess is None or guess.encoding == "ascii":
        raise UnicodeError("is binary, or in an encoding that cannot be told; save it as UTF-8")
    # encodings in which the sample is the same text are one match
    encoding = min(_WESTERN.intersection(guess.could_be_from_charset), default=guess.encoding)
    if is_multi_byte_encoding(encoding) and not _PAIRED.search(data[:_SAMPLE_BYTES]):
        encoding = "cp1252"  # letters with accents stand alone among others; of a short text both make words
    try:
        return data.decode(encoding), f"read as {encoding}; save it as UTF-8 if that is wrong"
    except UnicodeDecodeError as error:
        raise UnicodeError(f"looks like {encoding} but is not; save it as UTF-8") from error
