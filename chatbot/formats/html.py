"""HTML as prose: the main content of a page, or every block of a chapter."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chatbot.formats.content import MAX_MARKUP_BYTES, Content, Part, Unreadable, raised, tidy, tidy_lines
from chatbot.formats.encoding import decode, decode_as
from chatbot.formats.table import joined_names, table_parts

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_NOT_SHOWN = re.compile(r"display\s*:\s*none")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = set(
    """
    a abbr acronym b bdi bdo big br cite code data del dfn em font i img ins kbd label mark q rp rt ruby s
    samp small span strike strong sub sup time tt u var wbr
    """.split()
)
_NO_PROSE = set(
    """
    audio button canvas datalist del embed head iframe input math map menu noscript object option progress
    s script select strike style svg template textarea video
    """.split()
)
_FRAME_TAGS = {"aside", "dialog", "footer", "form", "nav"}
_FRAME_ROLES = {"banner", "complementary", "contentinfo", "dialog", "navigation", "search"}
_FRAME_NAMES = set(
    """
    ad ads advert advertisement banner breadcrumb breadcrumbs comments cookie cookies consent footer header
    masthead menu modal nav navbar navigation navi newsletter pager pagination popup promo related share
    sharing sidebar skip social sponsor subscribe topbar
    """.split()
)
_FRAME_SHARE = 0.3  # of the text of a page; what holds more is a wrapper, whatever it is called
_LINK_SHARE = 0.7  # of an element's text; above it, it is a list of links
_LINKS = 3
_MOST_TERMS = 4  # that have one meaning
_MOST_SPANNED = 1000  # columns or rows of a cell; as browsers have it for columns
# Below both of these the search for the main content has missed it.
_LEAST_CHARACTERS = 250
_LEAST_SHARE = 0.25


@dataclass
class _Weight:
    """Of an element with all below it, in characters."""

    text: int = 0
    linked: int = 0
    links: int = 0


def read_html(data: bytes) -> Content:
    """The main content of a page; all of it where that leaves too little."""
    if len(data) > MAX_MARKUP_BYTES:
        raise Unreadable(f"has {len(data) >> 20:,} MB of HTML, more than {MAX_MARKUP_BYTES >> 20}; divide it")
    text, note = _decode(data)
    root = parse(text)
    whole = list(block_parts(root))
    main = list(_main_parts(root))
    found, there = (sum(len(part.text) for part in parts) for parts in (main, whole))
    parts = main if found >= min(_LEAST_CHARACTERS, _LEAST_SHARE * there) else whole
    return Content(tuple(parts), page_title(root), warnings=(note,) if note else ())


def parse(text: str) -> Any:
    from lxml import etree, html  # type: ignore[import-untyped]

    try:
        return html.document_fromstring(_DECLARATION.sub("", text))
    except (etree.ParserError, ValueError) as error:
        raise Unreadable("holds no HTML") from error


def page_title(root: Any) -> str:
    return tidy(root.findtext(".//title") or "")


def _decode(data: bytes) -> tuple[str, str]:
    declared = _CHARSET.search(data[:4096])
    marked = data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))
    return (
        decode_as(data, declared[1].decode("ascii", "replace")) if declared and not marked else decode(data)
    )


def _main_parts(root: Any) -> Iterator[Part]:
    weights = _weigh(root)
    total = weights[root].text
    mains = root.xpath("//main | //*[@role='main']") or root.xpath("//article")
    main = mains[0] if len(mains) == 1 and weights[mains[0]].text > total / 2 else root
    frame = {element for element in main.iter() if _is_frame(element, weights, total)}
    yield from block_parts(main, frame)


def _weigh(root: Any) -> dict[Any, _Weight]:
    from lxml import etree

    weights: dict[Any, _Weight] = {}
    for _, element in etree.iterwalk(root, events=("end",)):
        weight = weights[element] = _Weight()
        if element.tag in _NO_PROSE:
            continue
        weight.text = len(tidy(element.text or ""))
        for child in element:
            below = weights.get(child, _Weight())
            weight.text += below.text + len(tidy(child.tail or ""))
            weight.linked += below.linked
            weight.links += below.links
        if element.tag == "a":
            weight.linked, weight.links = weight.text, 1
    return weights


def _is_frame(element: Any, weights: dict[Any, _Weight], total: int) -> bool:
    """Whether an element is navigation, an advertisement or the like, not content."""
    tag = element.tag
    if not isinstance(tag, str) or tag in {"html", "body", "main", "article"} or tag in _INLINE:
        return False
    weight = weights[element]
    if tag == "header":  # of the page; that of an article holds its title
        return not any(parent.tag in {"article", "main"} for parent in element.iterancestors())
    if tag in _FRAME_TAGS or element.get("role") in _FRAME_ROLES:
        return weight.text < _FRAME_SHARE * total or tag == "nav"
    if weight.links >= _LINKS and weight.linked > _LINK_SHARE * weight.text:
        return True
    named = set(re.findall(r"[a-z]+", f"{element.get('class') or ''} {element.get('id') or ''}".lower()))
    if not named & _FRAME_NAMES or weight.text >= _FRAME_SHARE * total:
        return False
    return tag not in _HEADINGS and element.find(".//h1") is None  # the title of the page is content


def block_parts(root: Any, left_out: Container[Any] = frozenset()) -> Iterator[Part]:
    """Headings, paragraphs, list items and rows in order."""
    from lxml import etree

    pieces: list[str] = []
    level = 0
    preformatted = 0

    def skipped(element: Any, tag: str) -> bool:
        return element in left_out or _hidden(element, tag)

    def flush() -> Iterator[Part]:
        text = "".join(pieces)
        pieces.clear()
        text = tidy_lines(text) if preformatted else tidy(text)
        if text.strip():
            yield Part(text, level)

    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        tag = element.tag if isinstance(element.tag, str) else ""
        block = bool(tag) and tag not in _INLINE
        if event == "start":
            if skipped(element, tag):
                walk.skip_subtree()
                continue
            if block:
                yield from flush()
            if tag in _HEADINGS:
                level = _HEADINGS[tag]
            preformatted += tag == "pre"
            if tag == "table":
                rows = _rows(element)
                if rows:
                    yield from _row_parts(rows)
                    walk.skip_subtree()
                    continue
            if tag == "dl" and _is_glossary(element):
                yield from _definitions(element, left_out)
                walk.skip_subtree()
                continue
            if tag == "br" and not preformatted and "".join(pieces[-8:]).rstrip().endswith("?"):
                yield from flush()  # a question with its answer below
            text = element.text or ""
            pieces.append(
                ("\n" if preformatted else " ") if tag == "br" else raised(text) if tag == "sup" else text
            )
            continue
        if event == "end":
            if block:
                yield from flush()
            if tag in _HEADINGS:
                level = 0
            # what was skipped ends here all the same
            preformatted -= tag == "pre" and not skipped(element, tag)
        if element is not root:
            pieces.append(element.tail or "")
    yield from flush()


def _is_glossary(dl: Any) -> bool:
    """Whether it holds terms and what they mean, and nothing beside them, text of its own neither."""
    wrappers = [dl, *dl.iterchildren("div")]
    between = [text for wrapper in wrappers for text in (wrapper.text, *(child.tail for child in wrapper))]
    if any(text and not text.isspace() for text in between):
        return False
    held = [child for child in _unwrapped(dl) if isinstance(child.tag, str) and not _hidden(child, child.tag)]
    return bool(held) and held[0].tag == "dt" and all(child.tag in {"dt", "dd"} for child in held)


def _unwrapped(dl: Any) -> Iterator[Any]:
    for child in dl:
        yield from child if child.tag == "div" else [child]


def _definitions(dl: Any, left_out: Container[Any]) -> Iterator[Part]:
    """Rows such as "E11: Sensor fault.", one for each meaning; of one in paragraphs the first names the term.

    An answer stands below the question that is its term.
    """
    terms: list[str] = []
    told = False
    for child in _unwrapped(dl):
        if child.tag not in {"dt", "dd"} or child in left_out or _hidden(child, child.tag):
            continue
        parts = list(block_parts(child, left_out))
        if child.tag == "dt":
            terms = [] if told else terms
            terms += filter(None, [tidy(" ".join(part.text for part in parts)).rstrip(":")])
            told = False
            continue
        term = ", ".join(terms[-_MOST_TERMS:])
        unread = [] if told else terms[:-_MOST_TERMS]
        yield from map(Part, unread)
        if term and parts and not term.endswith("?") and not _is_apart(parts[0]):
            parts[0] = Part(f"{term}: {parts[0].text}", row=len(parts) == 1)
        elif term and not told:
            yield Part(term)
        yield from parts
        told = True
    if not told:
        yield from map(Part, terms)


def _is_apart(part: Part) -> bool:
    """Whether no term goes before it on its line."""
    return part.row or part.level > 0 or "\n" in part.text


def _hidden(element: Any, tag: str) -> bool:
    return (
        tag in _NO_PROSE
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or bool(_NOT_SHOWN.search(element.get("style") or ""))
    )


@dataclass
class _Row:
    """`is_head` tells the names of columns, `is_labelled` the name of the row in its first cell."""

    cells: list[str]
    is_head: bool
    is_labelled: bool


def _rows(table: Any) -> list[_Row]:
    """The rows shown of a table of data; [] for one that only serves the layout."""
    if table.find(".//table") is not None:
        return []
    shown = (
        row
        for row in table.iter("tr")
        if not (_hidden(row, row.tag) or _hidden(row.getparent(), row.getparent().tag))
    )
    rows = list(_in_columns(shown))
    return rows if len(rows) > 1 and max(len(row.cells) for row in rows) > 1 else []


def _row_parts(rows: Sequence[_Row]) -> Iterator[Part]:
    """Cells of `<th>` tell the names of columns and rows for sure; of one row of names as for any table.

    Above the names a cell over all columns, or all alone in its row, is a caption.
    """
    widths = {1, max(len(row.cells) for row in rows)}
    heads = [row.cells for row in itertools.takewhile(lambda row: row.is_head, rows)]
    below = [row.cells for row in rows[len(heads) :]]
    spans = any(len(set(filter(None, cells))) < sum(map(bool, cells)) for cells in heads)
    if below and (len(heads) > 1 or spans):
        captions = list(itertools.takewhile(lambda cells: len({*cells}) == 1 and len(cells) in widths, heads))
        yield from (Part(next(filter(None, cells))) for cells in captions if any(cells))
        names = joined_names(heads[len(captions) :])
        yield from table_parts(below, header=names if any(names) else None)
    else:
        yield from table_parts([*heads, *below], labelled=all(row.is_labelled for row in rows))


def _in_columns(rows: Iterable[Any]) -> Iterator[_Row]:
    """What spans rows stands in all of them, what spans columns in the first of these; in all of a head."""
    above: dict[int, tuple[int, str]] = {}  # column -> how many more rows the cell spans, and its text
    for row in rows:
        placed = {column: text for column, (_, text) in above.items()}
        above = {column: (more - 1, text) for column, (more, text) in above.items() if more > 1}
        column = 0
        cells = [cell for cell in row if cell.tag in {"td", "th"}]
        kinds = [cell.tag for cell in cells]
        is_head = ("th" in kinds and "td" not in kinds) or row.getparent().tag == "thead"
        for cell in cells:
            while column in placed:
                column += 1
            text = tidy(" ".join(part.text for part in block_parts(cell)))
            end, more = column + _span(cell, "colspan"), _span(cell, "rowspan") - 1
            texts = {place: text if place == column or is_head else "" for place in range(column, end)}
            placed |= texts if is_head else {column: text}
            if more:
                above |= {place: (more, text) for place, text in texts.items()}
            column = end
        texts_in_order = [placed.get(column, "") for column in range(max(placed, default=-1) + 1)]
        yield _Row(texts_in_order, is_head, kinds[:1] == ["th"] and kinds[1:2] == ["td"])


def _span(cell: Any, name: str) -> int:
    found = re.match(r"\s*(\d{1,9})", cell.get(name) or "")
    return min(max(int(found[1]), 1), _MOST_SPANNED) if found else 1
