"""Bytes to text."""

from __future__ import annotations

from charset_normalizer import from_bytes

_SAMPLE_BYTES = 1 << 20  # enough of a file to tell its encoding


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


def _decode_by_guess(data: bytes) -> tuple[str, str]:
    matches = from_bytes(data[:_SAMPLE_BYTES])
    guess = matches.best()
    usual = next((match for match in matches if match.encoding in {"cp1252", "latin_1"}), None)
    if (
        guess and usual and usual.chaos <= guess.chaos + 0.05
    ):  # Western European, unless another reads clearly better
        guess = usual
    if guess is None or guess.encoding == "ascii":
        raise UnicodeError("is binary, or in an encoding that cannot be told; save it as UTF-8")
    try:
        return data.decode(guess.encoding), f"read as {guess.encoding}; save it as UTF-8 if that is wrong"
    except UnicodeDecodeError as error:
        raise UnicodeError(f"looks like {guess.encoding} but is not; save it as UTF-8") from error
