"""Plain text as it is kept: offsets and quotes refer to what is made here."""

from __future__ import annotations

import re

from chatbot.formats.content import clean
from chatbot.formats.page_layout import LAST_WORD, count_words, join

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
    """Cleaned, and with the words whole that were divided at the end of a line."""
    return clean(_join_words(text) if _DIVIDED.search(text) else text)


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
