"""A document's text as HTML, block by block, with quotes marked where they stand.

Offsets are characters of the document's text. What is drawn is the text as it stands, only laid out; Markdown is
drawn without its marks.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from chatbot.asked import question_of
from chatbot.corpus import SECTION_JOINT, Span
from chatbot.formats.table import cells_of
from chatbot.index import PassageIndex
from chatbot.inline import STYLES, Run, is_markdown, runs, without_marks

LONGEST_SHOWN = 200_000  # characters; of a longer document this much around a quote is shown at first
MORE = 100_000  # and this much more at a time
_LINE = re.compile(r"[^\n\r\f]*(?P<end>\r\n|\n|\r|\f|\Z)")
_HEADING = re.compile(r"[ \t]{0,3}(#{1,6})[ \t]+(\S.*?)[ \t#]*$")
_UNDERLINE = re.compile(r"[ \t]{0,3}(=+|-+)[ \t]*$")
_RULE = re.compile(  # also the one below the head of a table
    r"[ \t]{0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?=.*\|)\|?(?:[ \t]*:?-+:?[ \t]*(?:\||$))+[ \t]*)$"
)
_FENCE = re.compile(r"[ \t]{0,3}(```+|~~~+)")
_OWN_LINE = re.compile(r"[ \t]*(?:(?:[-*+•‣–]|\d{1,3}[.)])[ \t]+\S|\|)")  # items of lists, rows of tables
_ROW_BELOW = re.compile(r"\n[^\n\f]")
_BULLET = re.compile(r"[ \t]*[-*+][ \t]+")
_QUOTATION = re.compile(r"[ \t]{0,3}(?:>[ \t]?)+")


@dataclass(frozen=True)
class Mark:
    """A quote of the answer's citation `number`."""

    number: int
    start: int
    end: int


@dataclass(frozen=True)
class Shown:
    """A block of the text: a "heading", "text", "item", "code", or the "page" that begins.

    `level` is a heading's depth or a page's number; `paragraph` counts the paragraphs so far, from 1.
    """

    kind: str
    start: int
    end: int
    level: int = 0
    paragraph: int = 0


def document_headings(index: PassageIndex, doc_id: str) -> dict[str, int]:
    """The headings of a document that its text does not show as such, each with its depth from 1."""
    return {} if is_markdown(doc_id) else heading_levels(index.sections(doc_id))


def heading_levels(sections: Sequence[str]) -> dict[str, int]:
    """The headings in paths of headings ("War › Peace"), each with its depth from 1."""
    levels: dict[str, int] = {}
    for path in sections:
        for level, heading in enumerate(path.split(SECTION_JOINT), 1):
            levels.setdefault(heading, level)
    return levels


def paragraph_at(text: str, offset: int, headings: Mapping[str, int], begin: int = 0) -> int:
    """The number, from 1 at `begin`, of the paragraph that holds a character; 0 where counting would take long."""
    if offset >= LONGEST_SHOWN:
        return 0
    count = 0
    for block in find_blocks(text, begin, min(len(text), offset + 1), headings):
        count = max(count, block.paragraph)
    return max(count, 1)


def window(text: str, around: int, begin: int = 0) -> Span:
    """The part of a text that is shown at first: all from `begin`, or much around a character, in whole lines."""
    end = len(text)
    if end - begin <= LONGEST_SHOWN:
        return begin, end
    start = max(begin, min(around - LONGEST_SHOWN // 2, end - LONGEST_SHOWN))
    return line_start(text, start, begin), line_end(text, start + LONGEST_SHOWN)


def line_start(text: str, offset: int, begin: int) -> int:
    return max(begin, max(text.rfind(mark, begin, offset) for mark in "\n\r\f") + 1)


def line_end(text: str, offset: int) -> int:
    ends = [place for mark in "\n\r\f" if (place := text.find(mark, offset)) >= 0]
    return min(ends) + 1 if ends else len(text)


def find_blocks(
    text: str, begin: int, end: int, headings: Mapping[str, int], rows: bool = False
) -> Iterator[Shown]:
    """The blocks between two line starts, in order.

    A line of "#", one of `headings` that stands alone and one that asks a question among these are headings; pages end
    at form feeds. With `rows` lines that follow each other are rows of a table, else they are one paragraph.
    """
    number = 0
    written = len(text.rstrip())
    for lines, fenced, follows in _runs(text, begin, end, headings, rows):
        if not lines:
            if follows < written:  # the last page ends, too
                yield Shown("page", follows, follows, text.count("\f", 0, follows) + 1)
            continue
        start, stop = lines[0][0], lines[-1][1]
        is_row = rows and (follows > 0 or bool(_ROW_BELOW.match(text, stop)))
        if fenced:
            number += 1
            yield Shown("code", start, stop, 0, number)
        elif is_row:
            number += not follows
            yield Shown("item", start, stop, 0, max(number, 1))
        elif level := _heading_level(text, lines, headings):
            first, last = lines[0][0], lines[-1 if len(lines) == 1 else -2][1]
            yield Shown("heading", first, last, level, number)
        elif not _RULE.match(text, start, stop):
            number += not follows
            kind = "item" if _OWN_LINE.match(text, start, stop) else "text"
            yield Shown(kind, start, stop, 0, max(number, 1))


def _runs(
    text: str, begin: int, end: int, headings: Mapping[str, int], rows: bool
) -> Iterator[tuple[list[Span], bool, int]]:
    """Lines that belong together, whether they are code, and whether they go on with the paragraph above.

    No lines stand for the end of a page; the number is where the next begins.
    """
    run: list[Span] = []
    fence, goes_on = "", 0
    for line in _LINE.finditer(text, begin, end):
        start, stop = line.start(), line.start("end")
        if start == end:
            break
        opened = _FENCE.match(text, start, stop)
        if fence:
            run.append((start, stop))
            if opened and opened[1].startswith(fence):
                yield run, True, 0
                run, fence, goes_on = [], "", 0
        elif opened:
            if run:
                yield run, False, goes_on
            run, fence = [(start, stop)], opened[1]
        elif not text[start:stop].strip():
            if run:
                yield run, False, goes_on
            run, goes_on = [], 0
        elif (
            _HEADING.match(text, start, stop)
            or (_RULE.match(text, start, stop) and not run)
            or _question_level(text[start:stop], headings)
        ):
            if run:
                yield run, False, goes_on
            yield [(start, stop)], False, 0
            run, goes_on = [], 0
        elif run and _UNDERLINE.match(text, start, stop):
            yield [*run, (start, stop)], False, 0
            run, goes_on = [], 0
        elif run and (rows or _OWN_LINE.match(text, start, stop)):
            yield run, False, goes_on
            run, goes_on = [(start, stop)], 1
        else:
            run.append((start, stop))
        if line["end"] == "\f" and not fence:
            if run:
                yield run, False, goes_on
            yield [], False, line.end()
            run, goes_on = [], 0
    if run:
        yield run, bool(fence), goes_on


def _heading_level(text: str, lines: Sequence[Span], headings: Mapping[str, int]) -> int:
    """0 for lines that are no heading."""
    start, stop = lines[0]
    if marked := _HEADING.match(text, start, stop):
        return len(marked[1])
    if len(lines) > 1 and (underline := _UNDERLINE.match(text, *lines[-1])):
        return 1 if underline[1][0] == "=" else 2
    line = text[start:stop]
    return headings.get(line.strip(), 0) or _question_level(line, headings) if len(lines) == 1 else 0


def _question_level(line: str, headings: Mapping[str, int]) -> int:
    asked = question_of(line)
    return headings.get(asked, 0) if asked else 0


def draw_text(
    text: str,
    span: Span,
    marks: Sequence[Mark],
    headings: Mapping[str, int],
    title: str = "",
    title_level: int = 3,
    rows: bool = False,
    markdown: bool = False,
) -> Markup:
    """The blocks of `span`. A first heading that is the title is left out, for it stands above already.

    `title_level` is the level of the heading that stands there, and a document's first level has it, too.
    """
    drawn: list[Markup] = []
    found = find_blocks(text, *span, headings, rows)
    for table, some in itertools.groupby(found, lambda block: _table_of(text, block) if markdown else 0):
        if table:
            drawn.append(draw_table(text, list(some), marks))
            continue
        for block in some:
            if block.kind == "heading" and not drawn and heading_text(text, block, markdown) == title:
                continue
            drawn.append(draw_block(text, block, marks, title_level, markdown))
    return Markup().join(drawn)


def _table_of(text: str, block: Shown) -> int:
    """A number that the rows of one Markdown table share, 0 for what is none."""
    is_row = block.kind == "item" and text[block.start : block.end].lstrip().startswith("|")
    return block.paragraph if is_row else 0


def draw_table(text: str, rows: Sequence[Shown], marks: Sequence[Mark]) -> Markup:
    """The first row is a head where a line of "|---|" stands below it."""
    drawn = Markup()
    for row in rows:
        line = _LINE.match(text, row.end)
        below = _LINE.match(text, line.end() if line else row.end)
        is_head = (
            row is rows[0] and below is not None and _RULE.match(text, below.start(), below.start("end"))
        )
        cell = Markup('<th scope="col" dir="auto">{}</th>' if is_head else '<td dir="auto">{}</td>')
        spans = cells_of(text[row.start : row.end])
        cells = (draw_marked(text, row.start + a, row.start + b, marks, True) for a, b in spans)
        drawn += Markup("<tr>{}</tr>").format(Markup().join(map(cell.format, cells)))
    return Markup('<div class="table" tabindex="0"><table>{}</table></div>').format(drawn)


def heading_text(text: str, block: Shown, markdown: bool = False) -> str:
    start, end = heading_words(text, block)
    return without_marks(text[start:end]) if markdown else text[start:end]


def heading_words(text: str, block: Shown) -> Span:
    """Where a heading's words stand, without "#" and blanks around them."""
    if marked := _HEADING.match(text, block.start, block.end):
        return marked.span(2)
    shown = text[block.start : block.end]
    return block.end - len(shown.lstrip()), block.start + len(shown.rstrip())


def draw_block(
    text: str, block: Shown, marks: Sequence[Mark], title_level: int, markdown: bool = False
) -> Markup:
    if block.kind == "page":
        return Markup('<p class="page-number"><span>Page {}</span></p>').format(block.level)
    if block.kind == "heading":
        depth = min(title_level - 1 + block.level, 6)
        words = draw_marked(text, *heading_words(text, block), marks, markdown)
        return Markup('<h{0} class="subheading" dir="auto">{1}</h{0}>').format(depth, words)
    start, end = block.start, block.end
    if block.kind == "code":
        start, end = _within_fences(text, start, end) if markdown else (start, end)
        return Markup('<pre class="code" tabindex="0">{}</pre>').format(draw_marked(text, start, end, marks))
    kind, before = block.kind, ""
    if markdown and (bullet := _BULLET.match(text, start, end)):
        start, before = bullet.end(), "• "
    elif markdown and (quotation := _QUOTATION.match(text, start, end)):
        start, kind = quotation.end(), f"{kind} quotation"
    words = draw_marked(text, start, end, marks, markdown)
    if not words.strip():  # nothing but tags
        return Markup()
    return Markup('<p class="{}" dir="auto">{}{}</p>').format(kind, before, words)


def _within_fences(text: str, start: int, end: int) -> Span:
    first = line_end(text, start)
    last = line_start(text, end, start)
    return min(first, end), max(first, last - 1) if _FENCE.match(text, last, end) else end


def draw_marked(text: str, start: int, end: int, marks: Sequence[Mark], markdown: bool = False) -> Markup:
    """Text whose quotes are marked with the numbers that cite them; where quotes overlap, with both."""
    inside = [mark for mark in marks if mark.start < end and start < mark.end]
    cuts = [cut for mark in inside for cut in (mark.start, mark.end)]
    shown = runs(text[start:end]) if markdown else [Run(0, end - start, text[start:end])]

    def cited(piece: Run) -> str:
        return " ".join(str(m.number) for m in inside if m.start < piece.end and piece.start < m.end)

    pieces = (piece for run in shown for piece in _cut(run, start, cuts))
    drawn = Markup()
    for numbers, some in itertools.groupby(pieces, cited):
        set_alike = itertools.groupby(some, lambda piece: piece.styles)
        words = Markup().join(_styled("".join(p.words for p in same), styles) for styles, same in set_alike)
        drawn += Markup('<mark data-marks="{}">{}</mark>').format(numbers, words) if numbers else words
    return drawn


def _cut(run: Run, offset: int, cuts: Sequence[int]) -> Iterator[Run]:
    """A run, moved by `offset`, cut at these places of the text; one that is not shown as written stays whole."""
    start, end = run.start + offset, run.end + offset
    within = {cut for cut in cuts if start < cut < end} if len(run.words) == end - start else set()
    for left, right in itertools.pairwise(sorted({start, end, *within})):
        words = run.words[left - start : right - start] if within else run.words
        yield Run(left, right, words, run.styles)


def _styled(words: str, styles: Sequence[str]) -> Markup:
    drawn = escape(words)
    for style in reversed(styles):
        drawn = Markup("<{0}>{1}</{0}>").format(style, drawn) if style in STYLES else drawn
    return drawn
