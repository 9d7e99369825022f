"""Words of a question that the documents spell otherwise: misspelt ones, and British or American ones.

A search by words finds nothing for "goverment", and the networks, which read it as three pieces, understand little.
A word of five letters or more is suspected where neither the documents have it, nor an English dictionary, nor BERT's
vocabulary, which knows many names; or another form of it. It becomes the nearest word of the documents or, written
small, of the dictionary: with the same first letter, which is seldom mistaken (Kukich, ACM Computing Surveys 1992),
and one error away, as most are: a letter more, less or other, or two exchanged (Damerau, CACM 1964). Two errors are
put right in words of nine letters or more, and of seven where the consonants are the same ("emporer"). Where many
words are suspected, or most of these are near to none, the question is in another language, and left alone.

A word that the documents lack, right or wrong, becomes its other spelling where they have that: "labor", "labour".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Protocol

from symspellpy.editdistance import DistanceAlgorithm, EditDistance

from chatbot.encoder import packaged_model
from chatbot.terms import STOP_WORDS, fold

SHORTEST = 5  # letters of a word that is looked at
MOST = 8  # words that are put right; each takes about 15 ms
# a word with the same consonants, one that the documents have and one ten times as frequent, in errors
ALIKE, TOLD, USE = 0.5, 0.5, 0.25
NAME = 10**7  # how often a word is counted that is in no dictionary
TWO_ERRORS = 9, 7  # letters from which a word may have two: any, and with the same consonants

_WORD = re.compile(r"(?<![\w@/\\.-])[^\W\d_]+(?![\w@/\\])")
# without an apostrophe: "didnt", "theyre"
_CONTRACTED = {f"{word}t" for word in STOP_WORDS if word.endswith("n")} | set(
    "couldve havent hows mustnt shouldnt shouldve thats theres theyd theyll theyre theyve whats wheres whos wouldnt"
    " wouldve youd youll youre youve".split()
)


class Vocabulary(Protocol):
    """The words of the documents, folded."""

    def has_word(self, word: str) -> bool: ...
    def words_from(self, letter: str, shortest: int, longest: int) -> list[tuple[str, int]]: ...


def put_right(question: str, documents: Vocabulary) -> str:
    """The question in the documents' spelling; itself where it is in it."""
    return _mended(_respelt(question, documents), documents)


def says_nothing(question: str, documents: Vocabulary) -> bool:
    """Whether it has words, but none that the documents, a dictionary or BERT's vocabulary have: "asdf qwer"."""
    words = [fold(word) for word in re.findall(r"\w+", question)]
    strange = (
        word.isascii()
        and word.isalpha()
        and word not in STOP_WORDS
        and word not in _known()
        and not documents.has_word(word)
        for word in words
    )
    return bool(words) and all(strange)


def _respelt(question: str, documents: Vocabulary) -> str:
    """With words as the documents have them that differ between British and American; names keep theirs."""

    def respell(word: re.Match[str]) -> str:
        low = fold(word[0])
        if word[0].isupper() or _is_name(word) or documents.has_word(low):
            return word[0]
        other = next(filter(documents.has_word, _other_spellings(low)), "")
        return _cased(other, word[0]) or word[0]

    return _WORD.sub(respell, question)


def _other_spellings(word: str) -> Iterator[str]:
    """The British spellings of an American word and the other way round, some of which are no words."""
    for shape, other in _DIFFERING:
        if found := shape.fullmatch(word):
            yield word[: found.start(1)] + other + word[found.end(1) :]


# British, American, and the words with % for what differs
_SPELLINGS = (
    # colour, labourer, favourite
    (
        "our",
        "or",
        "[a-z]{3,}%(?:|e?s|s?(?:ed|ing|ings|ers?|ful|fully|less|able|ably|al|ally|it(?:e|es|ism)|ists?|hoods?|ly|y|i[sz][a-z]+))",
    ),
    ("our", "or", "od%(?:|s|less)"),
    ("is", "iz", "[a-z]{3,}%(?:e|ed|es|ers?|ings?|able|ations?|ational)"),  # organise
    ("ys", "yz", "[a-z]{2,}%(?:e|ed|es|ers?|ing)"),  # analyse
    # centre
    ("re", "er", "[a-z]*(?:cent|met|lit|fib|theat|calib|lust|spect|somb|sab|meag|louv)%(?:|s|d)"),
    ("c", "s", "[a-z]*(?:defen|offen|licen|preten|practi)%(?:|e|ed|es|eless|ing)"),
    ("l", "ll", "(?:ski|wi)%ful(?:|ly)"),  # "travelled" and "fulfil" have one stem
    ("ogue", "og", "[a-z]{3,}%s?"),  # catalogue
    ("ae", "e", "[a-z]*%[a-z]{3,}"),  # encyclopaedia
    ("oe", "e", "[a-z]*%[a-z]{3,}"),  # foetus
    ("oeuvre", "euver", "man%(?:|s|d|able)"),
    ("amme", "am", "progr%s?"),
    ("ey", "ay", "gr%(?:|s|ish)"),
    ("ough", "ow", "pl%(?:|s|ed|ing)"),
    ("ium", "um", "alumin%"),
    ("c", "k", "s%eptic(?:|s|al|ism)"),
    ("ould", "old", "m%(?:|s|y|ed|ing)"),
    ("e", "i", "art%facts?"),
    ("ph", "f", "sul%(?:ur|uric|ate|ates|ide|ides)"),
    ("ge", "g", "(?:jud|acknowled)%ments?"),
    ("eller", "el", "jew%y"),
)
_DIFFERING = [
    (re.compile(where.replace("%", f"({one})")), other)
    for british, american, where in _SPELLINGS
    for one, other in ((british, american), (american, british))
]


def _mended(question: str, documents: Vocabulary) -> str:
    """With its misspelt words as they are most likely meant."""
    words = _WORD.finditer(question)
    suspected = [word for word in words if len(word[0]) >= SHORTEST and _suspected(word[0], documents)]
    if len(suspected) > MOST:
        return question
    nearest = [_nearest(fold(word[0]), documents, name=_is_name(word)) for word in suspected]
    if nearest.count("") > len(nearest) / 2:
        return question
    right = {
        word.start(): _cased(other, word[0])
        for word, other in zip(suspected, nearest, strict=True)
        if other not in ("", fold(word[0]))
    }
    return _WORD.sub(lambda word: right.get(word.start(), word[0]), question)


def _is_name(word: re.Match[str]) -> bool:
    """Whether it is written large, and not because it comes first."""
    return word[0][0].isupper() and _WORD.search(word.string, 0, word.start()) is not None


def _cased(word: str, like: str) -> str:
    return word.capitalize() if like[0].isupper() else word


def _suspected(word: str, documents: Vocabulary) -> bool:
    low = fold(word)
    return (
        not word.isupper()  # "UNESCO"
        and low not in _CONTRACTED
        and not documents.has_word(low)
        and low not in _known()
    )


def _nearest(word: str, documents: Vocabulary, *, name: bool) -> str:
    """The word that is most likely meant, "" where none is near."""
    most = 2 if len(word) >= TWO_ERRORS[1] else 1
    lengths = range(len(word) - most, len(word) + most + 1)
    told = dict(documents.words_from(word[0], lengths[0], lengths[-1]))
    common = () if name else (other for other in _beginning_with(word[0]) if len(other) in lengths)
    found: list[tuple[float, str]] = []
    # of this thread alone: it writes down what it compares
    distance = EditDistance(DistanceAlgorithm.DAMERAU_OSA)
    for other in sorted({*told, *common}):
        errors = distance.compare(word, other, most)  # -1 for more
        alike = errors >= 0 and _consonants(word) == _consonants(other)
        if 0 <= errors < 2 or alike or (errors == 2 and len(word) >= TWO_ERRORS[0]):
            use = math.log10(_dictionary().get(other, NAME) * (1 + told.get(other, 0)))
            found.append((errors - ALIKE * alike - TOLD * (other in told) - USE * use, other))
    return min(found)[1] if found else ""


def _consonants(word: str) -> str:
    """Without vowels, each doubled letter once, and "ing" as "in"."""
    return re.sub(r"(.)\1+", r"\1", re.sub("[aeiouy]", "", re.sub("ing$", "in", word)))


@cache
def _beginning_with(letter: str) -> tuple[str, ...]:
    return tuple(word for word in _dictionary() if word[0] == letter)


@cache
def _dictionary() -> dict[str, int]:
    """82,834 English words and how often each was counted in 10^12."""
    listed = resources.files("symspellpy") / "frequency_dictionary_en_82_765.txt"
    entries = (line.split() for line in listed.read_text("utf-8-sig").splitlines())
    return {word: int(count) for word, count in entries}


@cache
def _known() -> frozenset[str]:
    pieces = (packaged_model() / "vocab.txt").read_text("utf-8").split()
    return frozenset({*_dictionary(), *(piece for piece in pieces if piece.isalpha())})
