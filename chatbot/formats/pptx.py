from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from chatbot.formats.archive import open_package
from chatbot.formats.content import MAX_PAGES, Content, Part, Unreadable, tidy
from chatbot.formats.table import table_parts


def read_pptx(data: bytes) -> Content:
    """A page is a slide, its title a heading; speaker's notes follow the slide."""
    import pptx

    open_package(data).close()
    show = pptx.Presentation(io.BytesIO(data))
    if len(show.slides) > MAX_PAGES:
        raise Unreadable(f"has more than {MAX_PAGES:,} slides; divide it")
    parts = [part for page, slide in enumerate(show.slides, 1) for part in _slide(slide, page)]
    title = tidy(show.core_properties.title or "")
    if title.lower() in ("", "powerpoint presentation"):  # as the program calls a new one
        title = next((_title(slide) for slide in show.slides), "")
    return Content(tuple(parts), title, len(show.slides))


def _slide(slide: Any, page: int) -> Iterator[Part]:
    for ink in slide.element.xpath(".//p:contentPart"):  # python-pptx fails at one; none holds text
        ink.getparent().remove(ink)
    title, heading = slide.shapes.title, _title(slide)
    body = list(_shapes((shape for shape in slide.shapes if shape != title), page))
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        body += _paragraphs(slide.notes_slide.notes_text_frame, page)
    if heading:
        yield Part(heading, 1 if body else 0, page)  # alone on its slide it is what the slide says
    yield from body


def _title(slide: Any) -> str:
    title = slide.shapes.title
    return tidy(title.text_frame.text) if title is not None else ""


def _shapes(shapes: Iterable[Any], page: int) -> Iterator[Part]:
    from pptx.enum.shapes import PP_PLACEHOLDER
    from pptx.shapes.group import GroupShape

    repeated = {PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER}
    for shape in shapes:
        if isinstance(shape, GroupShape):
            yield from _shapes(shape.shapes, page)
        elif shape.is_placeholder and shape.placeholder_format.type in repeated:
            continue
        elif getattr(shape, "has_table", False):
            rows = [[tidy(cell.text_frame.text) for cell in row.cells] for row in shape.table.rows]
            yield from table_parts(rows, page)
        elif shape.has_text_frame:
            yield from _paragraphs(shape.text_frame, page)


def _paragraphs(frame: Any, page: int) -> Iterator[Part]:
    for paragraph in frame.paragraphs:
        shown = "".join(piece.text for piece in paragraph._p.xpath("a:r | a:br"))  # a break is white space
        text = tidy(shown if paragraph.runs else paragraph.text)
        if text:
            yield Part(text, page=page)
