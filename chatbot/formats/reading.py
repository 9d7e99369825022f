from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chatbot.formats.archive import open_archive
from chatbot.formats.content import MAX_FILE_BYTES, Content, Unreadable
from chatbot.formats.csv import read_csv
from chatbot.formats.docx import read_docx
from chatbot.formats.eml import read_eml
from chatbot.formats.epub import read_epub
from chatbot.formats.html import read_html
from chatbot.formats.pdf import read_pdf
from chatbot.formats.pptx import read_pptx
from chatbot.formats.xlsx import read_xlsx

_READERS: dict[str, Callable[[bytes], Content]] = {
    "pdf": read_pdf,
    "docx": read_docx,
    "pptx": read_pptx,
    "xlsx": read_xlsx,
    "epub": read_epub,
    "eml": read_eml,
    "html": read_html,
    "csv": read_csv,
}
_KINDS = {
    **{f".{kind}": kind for kind in (*_READERS, "zip")},
    ".htm": "html",
    ".xhtml": "html",
    ".tsv": "csv",
    ".xlsm": "xlsx",
}
_CONTAINERS = {"pdf", "docx", "pptx", "xlsx", "epub", "zip"}  # told by how they begin
_OFFICE = {"word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx"}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Office before 2007, and newer files behind a password
_OLD = {".doc": ("Word", ".docx"), ".xls": ("Excel", ".xlsx"), ".ppt": ("PowerPoint", ".pptx")}


def is_laid_out(name: str) -> bool:
    """Whether `read` puts the text of a file of this name together: each line in it is a paragraph or a row."""
    return _KINDS.get(Path(name).suffix.lower()) in _READERS


def read_file(path: Path) -> Content:
    """The prose of a file in a format of its own. Raises Unreadable with the reason, OSError, and
    ValueError for a file that is plain text or an archive."""
    data = read_bytes(path)
    return read(data, kind_of(data, path.name))


def read_bytes(path: Path) -> bytes:
    """Raises Unreadable for a file above MAX_FILE_BYTES."""
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise Unreadable(f"has {size >> 20:,} MB, more than {MAX_FILE_BYTES >> 20}; divide it")
    return path.read_bytes()


def kind_of(data: bytes, name: str) -> str:
    """The format by the ending of the name: "zip", a kind for `read`, or "" for plain text.

    Raises Unreadable when the content is plainly of another kind than the ending says.
    """
    suffix = Path(name).suffix.lower()
    kind = _KINDS.get(suffix, "")
    if not data:
        raise Unreadable("is empty")
    if data.startswith(_OLE):
        raise Unreadable(_remedy(suffix))
    found = _container(data, kind)
    if suffix == ".json" and not found:
        raise Unreadable(
            'is JSON; write its texts as {"_id", "title", "text"}, one object a line, into a file .jsonl'
        )
    if kind in _CONTAINERS and found != kind:
        raise Unreadable(
            f"ends in {suffix} but is {_called(found)}; give it the ending .{found}"
            if found
            else f"ends in {suffix} but is no {kind.upper()}, or its beginning is damaged"
        )
    if found and kind not in _CONTAINERS:
        raise Unreadable(f"is {_called(found)}; give it the ending .{found}")
    return kind


def read(data: bytes, kind: str) -> Content:
    """The prose of a file of a kind that `kind_of` has told."""
    if kind not in _READERS:
        raise ValueError(f"no reader for {kind!r}; there are {', '.join(_READERS)}")
    try:
        return _READERS[kind](data)
    except Unreadable:
        raise
    except UnicodeError as error:
        raise Unreadable(str(error)) from error
    except ImportError as error:
        raise Unreadable(f"needs the package {error.name}; run scripts/chat to install it") from error
    except Exception as error:  # damaged bytes make the libraries raise whatever they meet first
        detail = " ".join(str(error).split())[:200]
        raise Unreadable(f"is damaged ({type(error).__name__}{': ' if detail else ''}{detail})") from error


def _container(data: bytes, expected: str) -> str:
    """What kind the first bytes tell; "" when they tell none. Raises Unreadable for those never read."""
    if data.startswith(b"%PDF-") or (expected == "pdf" and b"%PDF-" in data[:1024]):
        return "pdf"
    if data.startswith(b"{\\rtf"):
        raise Unreadable("is RTF; save it as DOCX")
    if not data.startswith((b"PK\3\4", b"PK\5\6")):
        return ""
    with open_archive(data) as archive:
        names = set(archive.namelist())
        for member, kind in _OFFICE.items():
            if member in names:
                return kind
        if "META-INF/container.xml" in names:
            return "epub"
        if "content.xml" in names and "mimetype" in names:
            raise Unreadable("is an OpenDocument file; save it as DOCX, XLSX, PPTX or PDF")
    return "zip"


def _remedy(suffix: str) -> str:
    if suffix == ".msg":
        return "is a message of Outlook; save it as .eml"
    if suffix not in _OLD:
        return "is locked with a password, or a file of Office before 2007; save it as .docx, .xlsx or .pptx without one"
    program, new = _OLD[suffix]
    return f"is a file of {program} before 2007; open it in {program} or LibreOffice and save it as {new}"


def _called(kind: str) -> str:
    return (
        "a ZIP archive"
        if kind == "zip"
        else f"an {kind.upper()}"
        if kind in {"xlsx", "epub"}
        else f"a {kind.upper()}"
    )
