"""E-mails as they are saved: RFC 5322 with MIME."""

from __future__ import annotations

import datetime
import email
import re
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.policy import default
from typing import cast

from chatbot.formats.content import MAX_MARKUP_BYTES, Content, Part, Unreadable, clean, tidy
from chatbot.formats.encoding import decode_as
from chatbot.formats.html import block_parts, parse
from chatbot.formats.table import row_sentence

_NAMED = ("From", "To", "Cc")
_WIDTHS = 60, 100  # characters; to which programs break lines
_QUOTED = re.compile(r"(?:>[ \t]?)*")
# above a message that is answered or passed on
_HEADERS = re.compile(r"(?m)^(?:[> \t]*\*?(?:From|Sent|Date|To|Cc|Subject):[^\n]*\n){3,}")
_OF_A_MESSAGE = re.compile(r"@|^[> \t]*\*?(?:Sent|Subject):", re.MULTILINE)
_DASHED = re.compile(r"(?m)^[> \t]*-{2,}[ \w]{1,60}-{2,}[ \t]*$")
_ITEM = re.compile(r"(?:[-*•‣–]|\d{1,3}[.)]|\(?[a-z]\))[ \t]+\S")


def read_eml(data: bytes) -> Content:
    """Who wrote to whom and when, the text, and the names of what is attached, which is not read.

    The headers of a message that the text answers or passes on are left out.
    """
    message = email.message_from_bytes(data, policy=default)
    warnings: list[str] = []
    names = [tidy(_header(message, name)) for name in _NAMED]
    head = row_sentence([*names, _date(message)], [*_NAMED, "Date"])
    leaves = list(_leaves(message))
    body = list(_body(leaves, warnings))
    attached = [name for leaf in leaves if (name := _attached_name(leaf))]
    defects = sorted({type(defect).__name__ for leaf in (message, *leaves) for defect in leaf.defects})
    if defects:
        warnings.append(f"damaged or cut short ({', '.join(defects)})")
    parts = [Part(head, row=True), *body] if head else body
    if attached:
        parts.append(Part(f"Attachments: {'; '.join(attached)}", row=True))
        warnings.append(f"attachments are not read ({', '.join(attached)}); save them beside it")
    return Content(tuple(parts), tidy(_header(message, "Subject")), warnings=tuple(warnings))


def _header(message: EmailMessage, name: str) -> str:
    """As it stands where it is too broken to be understood; "" where there is none."""
    try:
        return str(message[name] or "")
    except Exception:  # the parser of headers raises whatever it meets first
        return next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")


def _date(message: EmailMessage) -> str:
    """ "5 May 2023, 14:30", where it was written; as it stands where it is no date."""
    try:
        when = message["Date"].datetime
    except Exception:  # also of no date at all
        when = None
    return (
        f"{when.day} {when:%B %Y, %H:%M}"
        if isinstance(when, datetime.datetime)
        else tidy(_header(message, "Date"))
    )


def _leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    """What holds no other part, in order; a message that is attached is one."""
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for part in cast("list[EmailMessage]", message.get_payload()):
            yield from _leaves(part)
    else:
        yield message


def _body(leaves: Sequence[EmailMessage], warnings: list[str]) -> Iterator[Part]:
    """Of plain text, or of HTML where there is none."""
    for kind in ("text/plain", "text/html"):
        shown = [leaf for leaf in leaves if _kind(leaf) == kind and not _is_attached(leaf)]
        written = [text for leaf in shown if (text := _text(leaf, warnings)).strip()]
        for text in written:
            yield from _lines(text) if kind == "text/plain" else block_parts(parse(text))
        if written:
            return


def _kind(leaf: EmailMessage) -> str:
    """Parts that cannot be told from each other are text."""
    return "text/plain" if leaf.get_content_maintype() == "multipart" else leaf.get_content_type()


def _text(leaf: EmailMessage, warnings: list[str]) -> str:
    data = cast("bytes", leaf.get_payload(decode=True) or b"")
    if len(data) > MAX_MARKUP_BYTES:
        raise Unreadable(f"has {len(data) >> 20:,} MB of text, more than {MAX_MARKUP_BYTES >> 20}; divide it")
    try:
        text, note = decode_as(data, str(leaf.get_content_charset("") or ""))
    except UnicodeError:
        text, note = data.decode("utf-8", "replace"), "is in an encoding that cannot be told"
    if note:
        warnings.append(note.partition(";")[0])
    return text


def _is_attached(leaf: EmailMessage) -> bool:
    return leaf.get_content_disposition() == "attachment" or not _kind(leaf).startswith("text/")


def _attached_name(leaf: EmailMessage) -> str:
    """ "" for the text, and for pictures in it."""
    if leaf.get_content_type() == "message/rfc822":
        inner = cast("list[EmailMessage]", leaf.get_payload())
        return tidy(_header(inner[0], "Subject") if leaf.is_multipart() and inner else "") or "a message"
    in_text = leaf["Content-ID"] and leaf.get_content_disposition() != "attachment"
    if in_text or not (_is_attached(leaf) or leaf.get_filename()):
        return ""
    return tidy(leaf.get_filename() or "") or leaf.get_content_type()


def _without_headers(lines: re.Match[str]) -> str:
    return "\n" if _OF_A_MESSAGE.search(lines[0]) else lines[0]


def _lines(text: str) -> Iterator[Part]:
    """Paragraphs: lines that go on where a program broke them, not where the writer did."""
    lines = _DASHED.sub("", _HEADERS.sub(_without_headers, clean(text))).splitlines()
    lines = [line.rstrip() for line in lines]
    least, most = _WIDTHS
    width = max([least, *(len(line) for line in lines if len(line) <= most and "://" not in line)])
    paragraph: list[str] = []
    above = ""
    for line in lines:
        marks = _QUOTED.match(line)[0]  # type: ignore[index]  # it matches ""
        words = line[len(marks) :]
        first = words.split(maxsplit=1)[0] if words.strip() else ""
        goes_on = (
            first
            and len(above) + 1 + len(first) > width
            and len(above) <= most
            and _QUOTED.match(above)[0].strip() == marks.strip()  # type: ignore[index]
            and not _ITEM.match(words.lstrip())
        )
        if not goes_on and paragraph:
            yield Part(tidy(" ".join(paragraph)))
            paragraph = []
        if first:
            paragraph.append(words if goes_on else line)
        above = line
    if paragraph:
        yield Part(tidy(" ".join(paragraph)))
