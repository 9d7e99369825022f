"""Markdown within a paragraph: which of its characters are words that a reader sees, and how they are set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKDOWN_IT = MarkdownIt("commonmark").enable("table").disable("text_join")
_SUFFIXES = {".md", ".markdown"}

_STYLING = re.compile(
    r"<(?P<end>/?)(?P<name>a|abbr|b|big|cite|code|em|font|i|kbd|mark|q|small|span|strong|sub|sup|tt|u|var)\b[^>]*>",
    re.IGNORECASE,
)
_LAYOUT = re.compile(
    r"<!--.*-->|</?(?:center|dd|details|div|dl|dt|figcaption|figure|h[1-6]|hr|li|ol|p|picture|section|source|summary|table"
    r"|tbody|td|th|thead|tr|ul)\b[^>]*>",
    re.IGNORECASE | re.DOTALL,
)
_STYLES = {"b": "strong", "i": "em", "kbd": "code", "tt": "code", "var": "em", "cite": "em"}
STYLES = ("strong", "em", "code", "sub", "sup")
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<silent>script|style|svg|template)\b.*?(?:</(?P=silent)\s*>|\Z)|</?[a-z!?][^<>]*>",
    re.IGNORECASE | re.DOTALL,
)
_WITHIN = re.compile(r"<br\b[^>]*>|</?t[dh]\b[^>]*>", re.IGNORECASE)  # a sentence, a row
_HEADING = re.compile(r"<(?:h(?P<level>[1-6])|summary)\b", re.IGNORECASE)
_OUTER = re.compile(r"(?:\s|</?[a-z!?][^<>]*>)*+", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\b[^>]*>", re.IGNORECASE)
_QUOTED_LINE = re.compile(r"(?<=[\r\n])[ \t]*(?:>[ \t]?)+")
_NEW_LINE = re.compile(r"[ \t]*\\?(?:\r\n|\r|\n)[ \t]*")
_TARGET = re.compile(r"\](?:\((?:[^()\\]|\\.|\([^()]*\))*\)|\[[^\]]*\])?", re.DOTALL)  # "](page.md)", "][1]"
# half a pair around bold text that is longer than a sentence; a footnote's number
_LEFT_OUT = re.compile(r"(?<!\S)\*\*+(?=\S)|(?<=\S)\*\*+(?!\S)|\[\^[\w-]{1,20}\](?!:)")
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Run:
    """`words` are what is shown for text[start:end]; `styles`, of `STYLES`, from the outermost."""

    start: int
    end: int
    words: str
    styles: tuple[str, ...] = ()


def is_markdown(doc_id: str) -> bool:
    return Path(doc_id).suffix.lower() in _SUFFIXES


def on_one_line(text: str, doc_id: str) -> str:
    """Words of a document as they are shown: with single spaces, and of Markdown without its marks and links' addresses.

    The marks stay where the words would be others without them, as in "10<sup>6</sup>".
    """
    flat = " ".join(text.split())
    if not is_markdown(doc_id):
        return flat
    plain = without_marks(text)
    left = iter(_WORDS.findall(flat))
    return plain if plain and all(word in left for word in _WORDS.findall(plain)) else flat


def without_marks(text: str) -> str:
    """ "The cp command" for "The `cp` [<i>command</i>](cp.md)"."""
    return " ".join("".join(run.words for run in runs(text)).split())


def runs(text: str) -> list[Run]:
    """What is shown of a paragraph of Markdown, in order; what lies between them is marks.

    Emphasis within a word, as in "3*4*5", is shown as it is written. So is a text in which the words are not found again.
    """
    (inline,) = MARKDOWN_IT.parseInline(_QUOTED_LINE.sub(lambda mark: " " * len(mark[0]), text))
    try:
        found = [run for run in _find(text, inline.children or ()) if run.words]
    except ValueError:
        return [Run(0, len(text), text)]
    return list(_with_marks_in_words(text, found))


@dataclass(frozen=True)
class Prose:
    """Words between tags: text[start:end]; `level` is that of a heading, 7 of a summary, else 0."""

    start: int
    end: int
    level: int = 0


def prose_of_html(text: str, start: int, end: int) -> Iterator[Prose]:
    """What stands between the tags of a block of HTML, whatever tags within a sentence or a row are in it.

    Scripts, styles and comments hold none.
    """
    place, level = start, 0
    for tag in [*_TAG.finditer(text, start, end), None]:
        if tag and (_STYLING.fullmatch(tag[0]) or _WITHIN.fullmatch(tag[0])):
            continue
        for words in _without_outer_tags(text, place, tag.start() if tag else end):
            yield Prose(*words, level)
        place = tag.end() if tag else end
        if tag and (heading := _HEADING.match(tag[0])):
            level = int(heading["level"] or 7)
        elif tag and not tag[0].lower().startswith("<img"):  # "<h1><img …> Project</h1>"
            level = 0


def _without_outer_tags(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    start = min(_OUTER.match(text, start, end).end(), end)  # type: ignore[union-attr]  # it matches ""
    while start < end:
        if text[end - 1].isspace():
            end -= 1
        elif (
            text[end - 1] == ">"
            and (place := text.rfind("<", start, end)) >= 0
            and _TAG.fullmatch(text, place, end)
        ):
            end = place
        else:
            break
    if any(map(str.isalnum, _TAG.sub("", text[start:end]))):
        yield start, end


def _find(text: str, pieces: Sequence[Token]) -> Iterator[Run]:
    """Raises ValueError where a piece is not found behind the one before."""
    place = 0
    styles: list[str] = []
    auto = False  # within "<https://a.org>"
    for piece in pieces:
        shown: list[Run] = []
        if piece.type in {"softbreak", "hardbreak"}:
            found = _NEW_LINE.search(text, place)
            if found is None:
                raise ValueError(text)
            shown = [Run(*found.span(), " ")]
        elif auto and piece.type == "text":
            end = text.index(">", place)
            shown = [Run(place, end, text[place:end])]
        elif piece.type == "text":
            start = text.index(piece.content, place)
            shown = list(_shown(piece.content, start))
        elif piece.type == "text_special":
            start = text.index(piece.markup, place)
            shown = [Run(start, start + len(piece.markup), piece.content)]
        elif piece.type == "code_inline":
            start = text.index(piece.markup, place) + len(piece.markup)
            closing = re.compile(rf"(?<!`){piece.markup}(?!`)").search(text, start)
            if closing is None:
                raise ValueError(text)
            shown = [Run(start, closing.start(), piece.content, ("code",))]
            place = closing.end()
        elif piece.type == "image":
            start = text.index(piece.content, text.index("![", place) + 2)
            shown = [Run(start, start + len(piece.content), piece.content)]
            place = _behind_target(text, start + len(piece.content))
        elif piece.type == "html_inline":
            start = text.index(piece.content, place)
            place = start + len(piece.content)
            if tag := _STYLING.fullmatch(piece.content):
                _restyle(styles, _STYLES.get(name := tag["name"].lower(), name), bool(tag["end"]))
            else:
                is_break = _LINE_BREAK.fullmatch(piece.content) or _LAYOUT.fullmatch(piece.content)
                shown = [Run(start, place, " " if is_break else piece.content)]
        elif piece.type in {"link_open", "link_close"}:
            auto = piece.markup == "autolink" and piece.type == "link_open"
            if piece.markup == "autolink":
                place = text.index("<" if auto else ">", place) + 1
            elif piece.type == "link_open":
                place = text.index("[", place) + 1
            else:
                place = _behind_target(text, place)
        else:
            place = text.index(piece.markup, place) + len(piece.markup)
            _restyle(styles, piece.tag, piece.nesting < 0)
        for run in shown:
            yield replace(run, styles=(*styles, *run.styles))
            place = max(place, run.end)


def _restyle(styles: list[str], style: str, ends: bool) -> None:
    if not ends:
        styles.append(style)
    elif style in styles:
        del styles[len(styles) - 1 - styles[::-1].index(style)]


def _shown(content: str, start: int) -> Iterator[Run]:
    place = 0
    for mark in [*_LEFT_OUT.finditer(content), None]:
        end = mark.start() if mark else len(content)
        yield Run(start + place, start + end, content[place:end])
        place = mark.end() if mark else end


def _behind_target(text: str, place: int) -> int:
    target = _TARGET.match(text, place)
    return target.end() if target else place


def _with_marks_in_words(text: str, found: Sequence[Run]) -> Iterator[Run]:
    before = Run(0, 0, " ")
    for run in found:
        marks = text[before.end : run.start]
        if marks and not marks.strip("*_") and before.words[-1].isalnum() and run.words[0].isalnum():
            yield Run(before.end, run.start, marks)
        yield run
        before = run
