"""A question about now, answered by what is of an earlier time: "Who is the prime minister now?", of 1945.

Documents are not of today, and their sentences do not say so; whoever reads the answer should know of which year it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot.quantities import years

RECENT = 2  # years for which a quote may still be of now
_NOW = re.compile(
    r"(?<!\buntil )(?<!\btill )(?<!\bup to )(?<!\bby )(?<!\bjust )\b(?:now(?! that\b)|nowadays|today|todays|currently"
    r"|at present|at the moment|these days|this year)\b|\b(?:the|its|their|our|your|my) current (?!(?:and|at|flow\w*|from|in|is|of|that|through|was)\b)\w",
    re.IGNORECASE,
)
# what such a sentence says is not over
_LASTING = re.compile(
    r"\b(?:now|nowadays|today|currently|current|at present|presently|still|since|remains?)\b"
    r"|\bto (?:this|the present) day\b",
    re.IGNORECASE,
)


def newest_year(question: str, quotes: Sequence[str], this_year: int) -> int:
    """The latest year in the quotes, where the question asks of now and the first one, as all that are dated, is of
    an earlier time; 0 where not.

    A quote without a year may be of any time, and one that says "today" or "still" was of its documents' now.
    """
    if not quotes or not _NOW.search(question) or not years(quotes[0]):
        return 0
    newest = max(year for quote in quotes for year in years(quote))
    lasting = any(_LASTING.search(quote) for quote in quotes)
    return 0 if lasting or newest > this_year - RECENT else newest
