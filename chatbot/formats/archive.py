"""ZIP containers, opened only within the limits; Office files and EPUBs are such containers too."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from chatbot.formats.content import (
    MAX_FILE_BYTES,
    MAX_MARKUP_BYTES,
    MAX_MEMBERS,
    MAX_RATIO,
    MAX_UNPACKED_BYTES,
    RATIO_FREE_BYTES,
    Unreadable,
)


def open_archive(source: bytes | Path) -> zipfile.ZipFile:
    """Raises Unreadable for a damaged container and for one that unpacks beyond the limits.

    The sizes checked are those declared; zipfile unpacks no more of a member than it declares.
    """
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        archive = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise Unreadable(f"is damaged or cut short ({error})") from error
    try:
        _check(archive.infolist(), size)
    except Unreadable:
        archive.close()
        raise
    return archive


def _check(members: list[zipfile.ZipInfo], size: int) -> None:
    unpacked = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS:
        raise Unreadable(f"holds {len(members):,} files, more than {MAX_MEMBERS:,}; divide it")
    if unpacked > MAX_UNPACKED_BYTES:
        raise Unreadable(f"unpacks to {unpacked >> 20:,} MB, more than {MAX_UNPACKED_BYTES >> 20}; divide it")
    if unpacked > RATIO_FREE_BYTES and unpacked > MAX_RATIO * size:
        raise Unreadable(f"unpacks to {unpacked // size:,} times its size, as a zip bomb does")


def open_package(data: bytes) -> zipfile.ZipFile:
    """An Office file or EPUB, whose markup must keep the limit; sheets need not, they are read by the row."""
    archive = open_archive(data)
    for member in archive.infolist():
        markup = member.filename.endswith(("ml", ".rels")) and not member.filename.startswith(
            "xl/worksheets/"
        )
        if markup and member.file_size > MAX_MARKUP_BYTES:
            archive.close()
            size, most = member.file_size >> 20, MAX_MARKUP_BYTES >> 20
            raise Unreadable(f"holds {member.filename} of {size:,} MB, more than {most}; divide it")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Raises Unreadable for a member that is missing, encrypted or damaged."""
    try:
        if archive.getinfo(name).flag_bits & 1:
            raise Unreadable("is encrypted; unpack it with its password")
        return archive.read(name)
    except KeyError as error:
        raise Unreadable(f"is damaged ({name} is missing)") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"is damaged ({error})") from error


def members(data: bytes) -> Iterator[tuple[str, bytes | Unreadable]]:
    """Name and content of each file of an archive, in order of name, without those left out on purpose."""
    with open_archive(data) as archive:
        seen: set[str] = set()
        for name, safe, kind in _files(archive):
            if kind:
                continue
            if safe in seen:
                yield safe, Unreadable("is in the archive twice; only one of them is read")
                continue
            seen.add(safe)
            try:
                if archive.getinfo(name).file_size > MAX_FILE_BYTES:
                    raise Unreadable(f"is larger than {MAX_FILE_BYTES >> 20} MB; divide it")
                yield safe, read_member(archive, name)
            except Unreadable as error:
                yield safe, error


def left_out_members(path: Path) -> dict[str, str]:
    """The files of an archive left out on purpose and what they are; none when it is not read at all."""
    try:
        with open_archive(path) as archive:
            return {safe: kind for _, safe, kind in _files(archive) if kind}
    except Unreadable:
        return {}


def _files(archive: zipfile.ZipFile) -> Iterator[tuple[str, str, str]]:
    """Each file's name, the name that leads nowhere else, and the kind for which it is left out, or ""."""
    for name in sorted(archive.namelist()):
        if name.endswith("/"):
            continue
        parts = PurePosixPath(name.replace("\\", "/")).parts
        safe = [part for part in parts if part not in {"..", "/"}]
        lock = any(part.startswith("~$") for part in safe)
        hidden = "__MACOSX" in parts[:1] or any(part.startswith(".") for part in safe)
        yield name, "/".join(safe), "lock of Office" if lock else "hidden" if hidden else ""
