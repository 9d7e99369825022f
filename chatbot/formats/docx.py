from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from chatbot.formats.archive import open_package
from chatbot.formats.content import Content, Part, raised, tidy
from chatbot.formats.table import table_parts, with_joined_heads

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # repeats its neighbour
_GONE = {_FALLBACK, f"{_W}del", f"{_W}moveFrom"}
_WRAPPERS = {f"{_W}sdt", f"{_W}sdtContent", f"{_W}customXml"}  # content controls
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)


def read_docx(data: bytes) -> Content:
    """Text, tables, text boxes and notes; inserted changes count as made, deleted ones as gone."""
    import docx

    open_package(data).close()
    document = docx.Document(io.BytesIO(data))
    styles = {style.style_id: style.name or "" for style in document.styles}
    levels = {style_id: _level(name) for style_id, name in styles.items()}
    parts = list(_block_parts(document.element.body, levels))
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(("/footnotes", "/endnotes")):
            parts += _notes(relation.target_part.blob, levels)
    title = tidy(document.core_properties.title or "") or _title(document.element.body, styles)
    return Content(tuple(parts), title)


def _title(body: Any, styles: dict[str, str]) -> str:
    """The paragraph in the style of a title, or else the first one where it is a heading of the first level."""
    paragraphs = [(paragraph, styles.get(_style(paragraph), "").lower()) for paragraph in body.iter(f"{_W}p")]
    written = ((text, style) for paragraph, style in paragraphs if (text := tidy(_text(paragraph))))
    titled = (tidy(_text(paragraph)) for paragraph, style in paragraphs if style == "title")
    first, style = next(written, ("", ""))
    return next(filter(None, titled), "") or (first if _level(style) == 1 else "")


def _level(style: str) -> int:
    match = _HEADING.match(style)
    if match:
        return int(match[1])
    return 1 if style.lower() == "title" else 0


def _notes(blob: bytes, levels: dict[str, int]) -> Iterator[Part]:
    from lxml import etree  # type: ignore[import-untyped]

    root = etree.fromstring(blob, etree.XMLParser(resolve_entities=False, no_network=True))
    notes = [note for note in root if note.get(f"{_W}type") is None]  # the others draw the separator line
    parts = [part for note in notes for part in _block_parts(note, levels)]
    if parts:
        yield Part("Notes", 1)
        yield from parts


def _block_parts(parent: Any, levels: dict[str, int]) -> Iterator[Part]:
    """Paragraphs and tables in order, through content controls and text boxes."""
    for child in parent:
        if child.tag == f"{_W}p":
            text = tidy(_text(child))
            if text:
                yield Part(text, levels.get(_style(child), 0))
            for box in child.iter(f"{_W}txbxContent"):
                if _GONE.isdisjoint(ancestor.tag for ancestor in box.iterancestors()):
                    yield from _block_parts(box, levels)
        elif child.tag == f"{_W}tbl":
            yield from _table(child, levels)
        elif child.tag in _WRAPPERS:
            yield from _block_parts(child, levels)


def _style(paragraph: Any) -> str:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    return "" if style is None else str(style.get(f"{_W}val"))


def _text(element: Any) -> str:
    """Of a paragraph or cell, without the text boxes anchored in it."""
    pieces: list[str] = []
    pending = [element]
    while pending:
        node = pending.pop()
        if node.tag == f"{_W}t":
            style = node.getparent().find(f"{_W}rPr/{_W}vertAlign")
            above = style is not None and style.get(f"{_W}val") == "superscript"
            pieces.append(raised(node.text or "") if above else node.text or "")
        elif node.tag in {f"{_W}tab", f"{_W}br", f"{_W}cr"}:
            pieces.append(" ")
        elif node.tag == f"{_W}noBreakHyphen":
            pieces.append("-")
        elif node.tag not in {f"{_W}txbxContent", f"{_W}pPr", *_GONE}:
            pending += reversed(node)
            if node.tag == f"{_W}p":
                pieces.append(" ")
    return "".join(pieces)


def _table(table: Any, levels: dict[str, int]) -> Iterator[Part]:
    """Its rows; the paragraphs of its cells where a single row or column only serves the layout."""
    cells = [list(_unwrapped(row, f"{_W}tc")) for row in _unwrapped(table, f"{_W}tr")]
    if len(cells) < 2 or max(map(len, cells)) < 2:
        for row in cells:
            for cell in row:
                yield from _block_parts(cell, levels)
        return
    rows = (
        (
            [text for cell in row for text in _spread(cell)],
            [text for cell in row for text in _spread(cell, True)],
        )
        for row in cells
    )
    yield from table_parts(with_joined_heads(rows), labelled=_has_labels_alone(table))


def _has_labels_alone(table: Any) -> bool:
    """Whether the style is to set off the first column and not the first row; by default it sets off both."""
    look = table.find(f"{_W}tblPr/{_W}tblLook")
    if look is None:
        return False
    bits = int(look.get(f"{_W}val") or "0", 16)
    first_row, first_column = (
        (look.get(f"{_W}{name}") or str(bits & bit)) not in {"0", "false", "off"}
        for name, bit in (("firstRow", 0x20), ("firstColumn", 0x80))
    )
    return first_column and not first_row


def _unwrapped(parent: Any, tag: str) -> Iterator[Any]:
    """The children with that tag in order, those in content controls too."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _unwrapped(child, tag)


def _spread(cell: Any, filled: bool = False) -> list[str]:
    """The text of a cell, and "" for every further column that it spans; `filled`, the text in each."""
    span = cell.find(f"{_W}tcPr/{_W}gridSpan")
    width = int(span.get(f"{_W}val") or 1) if span is not None else 1
    text = tidy(_text(cell))
    return [text] + [text if filled else ""] * min(width - 1, 100)
