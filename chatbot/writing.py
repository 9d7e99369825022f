"""Files that are whole or not there, and text that can be written."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path


def sendable(text: str) -> str:
    """Without the half characters (lone surrogates) that JSON and arguments may hold and no page or file can."""
    return text.encode("utf-8", "replace").decode("utf-8")


def count(number: int, noun: str) -> str:
    """ "1 file", "1,000 files"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def stream_utf8() -> None:
    """Files and pipes get and give UTF-8 as JSON does, also on Windows; what is none is replaced when read."""
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, None)):
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors=errors)


def write_at_once(path: Path, content: bytes) -> None:
    """The whole file or none, whenever the power fails."""
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def file_hash(path: Path) -> str:
    """SHA-256, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """So that the names in a folder outlast a power cut; not every system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
