"""Plain text as it is kept: offsets and quotes refer to what is made here."""

from __future__ import annotations

import re

from chatbot.formats.content import clean
from chatbot.formats.page_layout import LAST_WORD, Run, count_words, join, without_repeats

_DIVIDED = re.compile(
    r"(?P<hyphen>[-\u00ad])(?<=[^\W\d_].)[ \t]*(?:\r\n|\n|\r)(?P<page>\f?)[ \t]*(?P<second>[^\W\d_]+)(?P<rest>\S*)"
)
_LONGEST_WORD = 64  # characters
_COMPOUND = frozenset(  # what often stands before a hyphen of its own
    """
    cross full half high ill long low non self short well
    twenty thirty forty fifty sixty seventy eighty ninety
    """.split()
)


def clean_plain_text(text: str) -> str:
    """Cleaned, without running titles, and with the words whole that were divided at the end of a line."""
    if "\f" in text:
        text = _leave_out_repeats(text)
    if _DIVIDED.search(text):
        text = _join_words(text)
    return clean(text)


def _leave_out_repeats(text: str) -> str:
    """Without what `without_repeats` takes from the pages of a PDF."""
    pages = [page.splitlines(keepends=True) for page in text.split("\f")]
    rows = [
        [Run(line, 0, 1, -number, 1 - number) for number, line in enumerate(page) if line.strip()]
        for page in pages
    ]
    kept = [{-run.bottom for run in page} for page in without_repeats(rows)]
    return "\f".join(
        "".join(line for number, line in enumerate(page) if number in numbers or not line.strip())
        for page, numbers in zip(pages, kept, strict=True)
    )


def _join_words(text: str) -> str:
    """Left as they are where the hyphen may be part of the word, as in "ill-advised"."""
    words = count_words(_DIVIDED.sub(" ", text))

    def whole(match: re.Match[str]) -> str:
        before, second = text[max(0, match.start() - _LONGEST_WORD) : match.start()], match["second"]
        first = LAST_WORD.findall(before)[0]
        compound = first.lower() in _COMPOUND or words[second.lower()] > 0
        if match["hyphen"] == "-" and (
            not (first[-1].islower() and second[0].islower())
            or (compound and not words[(first + second).lower()])
        ):
            return match[0]
        joined = join(before + match["hyphen"], second + match["rest"], words, match["page"])
        return joined[len(before) :]

    return _DIVIDED.sub(whole, text)
