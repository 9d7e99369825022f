"""Lines that ask, as in a list of questions and answers: "Q: How long is it?", "**How long is it?**"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chatbot.inline import without_marks

LONGEST_QUESTION = 200  # characters
_NUMBER = r"\.?[ \t]?#?\d{0,3}[ \t]?[.:)]"
_ANSWER = rf"[*_]*(?:A|Answer|ANSWER){_NUMBER}"
_QUESTION = rf"[*_]*(?:Q|Question|QUESTION){_NUMBER}"
_LINE_END = r"[ \t]*\\?(?=[\r\n\f]|\Z)"  # a backslash breaks a line of Markdown
_MARKED = re.compile(
    rf"(?:\A|(?<=[\r\n\f]))[ \t>#-]*{_QUESTION}[\s*_]*"
    rf"(?P<words>(?:(?![\r\n\f][ \t>]*(?:{_ANSWER}|{_QUESTION})).){{1,300}}?[?？؟])"
    rf"[*_]*(?:{_LINE_END}|(?=[ \t]+{_ANSWER}\s))",
    re.DOTALL,
)
_ITEM = r"[ \t>]*(?:(?:[-*•]|\d{1,3}[.)])[ \t]+)?"
_BOLD = re.compile(
    rf"{_ITEM}(?P<bold>\*\*\*?|__)(?P<words>(?=[\w¿`])(?:(?!\*\*|__).){{2,200}}?[?？؟])(?P=bold)[ \t]*\\?(?=\s|\Z)",
    re.DOTALL,
)
_LINE = re.compile(rf"{_ITEM}[*_]?(?P<words>[^\W_a-z][^\r\n\f]*[?？؟]|¿[^\r\n\f]*\?)[*_]?{_LINE_END}")
_BEFORE_ANSWER = re.compile(rf"\s*{_ANSWER}[*_]*(?:\s+|\Z)")


@dataclass(frozen=True)
class Question:
    """text[start:end] is its line, with what marks it; `words` are those asked.

    `sign` is "marked" ("Q:"), "bold", or "line" for a line alone, which may stand in any prose.
    """

    start: int
    end: int
    words: str
    sign: str


def find_questions(text: str, start: int, end: int, markdown: bool = False) -> list[Question]:
    """The marked questions of a paragraph, in order, or else the one that it begins with."""
    held = text[start:end]
    if not any(mark in held for mark in "?？؟"):
        return []
    found = [(match, "marked") for match in _MARKED.finditer(held)]
    if not found and markdown and (bold := _BOLD.match(held)):
        found = [(bold, "bold")]
    elif not found and (line := _LINE.match(held)) and len(line["words"]) <= LONGEST_QUESTION:
        found = [(line, "line")] if len(line["words"].split()) > 2 else []
    return [
        Question(start + match.start(), start + match.end(), _bare(match["words"], markdown), sign)
        for match, sign in found
    ]


def question_of(line: str) -> str:
    """The words of a line that asks and no more, without "Q:" or a number; "" for another."""
    found = _MARKED.fullmatch(line) or _LINE.fullmatch(line)
    return _bare(found["words"], False) if found else ""


def answer_start(text: str, start: int, end: int) -> int:
    """Behind "A:" or "Answer:", where a paragraph begins with it."""
    before = _BEFORE_ANSWER.match(text, start, end)
    return before.end() if before else start


def _bare(words: str, markdown: bool) -> str:
    return (markdown and without_marks(words)) or " ".join(words.split())
