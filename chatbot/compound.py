"""Two or three questions asked at once: "Who was Hirota, and what did he try to do?"

No one sentence need answer them all, so each is searched for by itself. A part is taken off where a question word
opens a main clause behind "and", a comma or a question mark, its verb placed as in a question ("and when did it
end") and not as in a clause ("and when it ended"). Any other "and" stays within one question.
"""

from __future__ import annotations

import re
from itertools import pairwise

MOST = 3  # parts; a longer list is searched for as it stands


def parts_of(question: str) -> list[str]:
    """The questions that are asked, in their order; [question] if it is one.

    The later ones may need those before them ("and why?"), as follow-ups do.
    """
    text = question.strip()
    unquoted = _QUOTED.sub(lambda quoted: "x" * len(quoted.group()), text)
    if _LISTING.search(unquoted):
        return [question]
    if both := _BOTH.fullmatch(unquoted):
        rest = text[both.start("rest") : both.end("rest")]
        return [f"{both[word]} {rest}?" for word in ("one", "other")]
    starts = [joint.end() for joint in _JOINT.finditer(unquoted) if _is_joint(joint, unquoted)]
    pieces = [text[a:b] for a, b in pairwise([0, *starts, len(text)])]
    parts = [_TRAILING.sub("", piece).strip(" ?.!,") for piece in pieces]
    if not 1 < len(parts) <= MOST or not _ASKS.match(parts[0]):
        return [question]
    if any(_SHARES.fullmatch(part) for part in parts[:-1]):
        return [question]
    if any(_goes_on(one, other) for one, other in pairwise(parts)):
        return [question]
    return [f"{part}?" for part in parts]


def _is_joint(joint: re.Match[str], text: str) -> bool:
    mark, rest = joint.group().strip(), text[joint.end() :]
    if mark.startswith("?"):
        return bool(_ASKS.match(rest))
    if rest[:1].isupper():  # in a title: "Who wrote What Was Said and When Was It Said"
        return False
    if mark == ",":
        return bool(_BESIDE.match(rest))  # "the decree, which was signed in May" goes on
    return bool(_OPENS.match(rest))


def _goes_on(one: str, other: str) -> bool:
    """Whether the second is a clause of the first: "Who was the man who led it and who died there"."""
    word, opening = _RELATIVE.match(other), _ASKS.match(one)
    return bool(word and opening and re.search(rf"\b{word.group()}\b", one[opening.end() :], re.I))


_WH = r"(?:who|whom|whose|what|which|when|where|why|how)"
_DO = r"(?:do|does|did|can|could|will|would|shall|should|may|might|must)(?:n['’]t)?"
_BE = r"(?:(?:is|are|was|were|has|have|had)(?:n['’]t)?|['’]s)"
_AUX = rf"(?:{_DO}|{_BE})"
_PREP = r"(?:in|at|on|by|for|to|from|with|under|since|until|till|after|before)"
_CLAUSE = (  # what follows "what" or "who" in a clause that is none of a question: "what he did"
    r"(?:i|you|he|she|it|we|they|one|the|a|an|this|that|these|those|his|her|its|our|their|my|your|else)\b"
)
_MEASURE = (
    r"(?:many|much|long|far|often|old|big|large|great|high|tall|deep|wide|heavy|fast|soon|late|early|strong)"
)
_END = r"\s*[?.!]*\s*$"
_OPENS = re.compile(
    rf"(?:(?:when|where|why|how)(?:\s*{_AUX}\b|{_END})"
    rf"|how\s+(?:{_MEASURE}\b|\w+\s+{_AUX}\b)"
    rf"|(?-i:who|what)(?:\s*{_AUX}\b|\s+(?!{_CLAUSE}|(?-i:[A-Z]))\w+)"
    rf"|(?:which|whose)\s+(?!{_CLAUSE})\w+(?:\s+\w+)"
    rf"|{_PREP}\s+(?:what|which|whom|whose|how\s+{_MEASURE})\b(?:.*\b{_AUX}\b|\s*\w*{_END})"
    rf"|{_AUX}\s+(?:it|he|she|they|the|there|this|that|these|those)\b)",
    re.I,
)
_BESIDE = re.compile(rf"(?:who\s+{_DO}\b|(?:when|where|why|how|what)\s*{_AUX}\b|how\s+{_MEASURE}\b)", re.I)
_ASKS = re.compile(
    rf"(?:(?:and|so|but|ok|okay|also|then|hi|hello|please)\b,?\s+)*(?:{_PREP}\s+[^,?]{{2,40}},\s+)?"
    rf"(?:(?:when|where)\s*{_AUX}\b|(?:(?:{_PREP}|of|about)\s+)?(?!when\b|where\b){_WH}\b|{_AUX}\s|(?:tell|explain|describe|name|list|say|show)\b)",
    re.I,
)
_JOINT = re.compile(
    r"(?:\?\s+(?:(?:and|but|also|then),?\s+)*|,?\s+(?:and|&)\s+(?:(?:also|then|if so),?\s+)?|,\s+)", re.I
)
_TRAILING = re.compile(r"(?:[\s,?]+(?:and|but|also|then|&|if so))*[\s,?]*$", re.I)
_BOTH = re.compile(
    rf"(?P<one>when|where|why|how),?\s+(?:and|&)\s+(?P<other>when|where|why|how)\s+"
    rf"(?P<rest>{_AUX}\s.*?)[\s?.!]*",
    re.I | re.S,
)
_RELATIVE = re.compile(r"(?:who|whom|whose|which|where|when)\b", re.I)
_QUOTED = re.compile(r"\"[^\"\n]+\"|“[^”\n]+”")
_LISTING = re.compile(r"[\"“”;:()\n]")
_SHARES = re.compile(  # a part whose verb comes later: "How many tanks and how many guns did they have?"
    rf"{_WH}|how\s+{_MEASURE}\s+\w+|(?:what|which)\s+\w+s", re.I
)
