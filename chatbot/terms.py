"""Words as the lexical side sees them: lower-cased, accents folded, stop words out, Snowball stems."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import Stemmer

STOP_WORDS = frozenset(
    """
    a about above after again against all am an and any are aren as at be because been before being
    below between both but by can cannot could couldn d did didn do does doesn doing don down during
    each few for from further had hadn has hasn have haven having he her here hers herself him himself
    his how i if in into is isn it its itself just ll m may me might more most must my myself no nor not
    of off on once only or other our ours ourselves out over own please re s same shall she should so
    some such t than that the their theirs them themselves then there these they this those through to
    too under until up upon ve very was wasn we were weren what when where which while who whom whose
    why will with won would you your yours yourself yourselves tell
    """.split()
)

# dotted abbreviations; numbers with their separators; one letter each where a script has no spaces; words
_TOKEN = re.compile(
    r"(?:[^\W\d_]\.){2,}(?:[^\W\d_](?!\w))?|\d+(?:[.,]\d+)+|[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+"
)
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Term:
    """A word of a text (half-open characters) and the stem that stands for it in the index."""

    start: int
    end: int
    stem: str


def terms(text: str) -> list[Term]:
    """The content words of a text, in order."""
    found = (Term(match.start(), match.end(), _stem(match[0])) for match in _TOKEN.finditer(text))
    return [term for term in found if term.stem]


def stems(text: str) -> list[str]:
    """Stems of the content words of a text, in order, repeats included."""
    return [stem for token in _TOKEN.findall(text) if (stem := _stem(token))]


# the words of a build come again and again: 2.6 million, 80,000 of them different
@lru_cache(maxsize=1 << 17)
def _stem(token: str) -> str:
    """ "" for a stop word."""
    word = fold(token)
    return str(_stemmer().stemWord(word)) if word and word not in STOP_WORDS else ""


def plain_words(text: str) -> set[str]:
    """The words of letters alone, as `fold` has them: not stemmed, stop words too."""
    words = set(_LETTERS.findall(text.casefold()))
    return {word if word.isascii() else fold(word) for word in words}


def stem_words(words: Sequence[str]) -> list[str]:
    return list(_stemmer().stemWords(list(words)))


def fold(token: str) -> str:
    """A token without case, accents, and the separators inside numbers and dotted abbreviations."""
    token = token.casefold()
    if not token.isascii():
        token = "".join(c for c in unicodedata.normalize("NFKD", token) if not unicodedata.combining(c))
    if not token.isalnum():
        token = re.sub(r"[.,]", "", token) if not re.fullmatch(r"\d+\.\d{1,2}", token) else token
    return token


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")
