"""Questions made from the documents' own words: a starting set for an evaluation, and what a page suggests."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatbot.corpus import (
    PARTS_QRELS,
    SECTION_JOINT,
    Document,
    Evidence,
    below_questions,
    corpus_files,
    read_documents,
    split_sentences,
)
from chatbot.errors import ChatbotError, CorpusError, CorpusMissing
from chatbot.suggested import evenly
from chatbot.terms import stems

if TYPE_CHECKING:  # it reads answers, whose module suggests questions
    from chatbot.feedback import Vote

GENERATED = "generated"  # kind of the questions that a program made
FAVOURED = (
    "These questions were made by a program from the documents' own words, which favours lexical search."
    " Correct them before you trust their figures, and never compare them with those of people's questions."
)


@dataclass(frozen=True)
class StartingQuestion:
    """`origin`: feedback, faq, definition or heading. Documents without a known span have no evidence."""

    text: str
    origin: str
    documents: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()
    answers: tuple[str, ...] = ()

    def to_json(self, query_id: str) -> dict[str, Any]:
        metadata = {
            "kind": GENERATED,
            "origin": self.origin,
            "answerable": True,
            "answers": list(self.answers),
            "evidence": [vars(piece) for piece in self.evidence],
        }
        return {"_id": query_id, "text": self.text, "metadata": metadata}


def question_count(text: str) -> int:
    """How many questions to make. Raises ChatbotError unless it is a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise ChatbotError(f"--make-questions needs a whole number above 0 and a folder, not {text!r}")
    return int(text)


def make_questions(corpus: Path, n: int, votes: Sequence[Vote] = ()) -> list[StartingQuestion]:
    """At most n questions that the documents or votes, newest first, suggest.

    Each origin has the same share, as far as it has enough; within one they are spread over the corpus.
    Raises CorpusMissing when there is nothing to make one from.
    """
    documents = {
        item.doc_id: item
        for item in read_documents(corpus, corpus_files(corpus))
        if isinstance(item, Document) and not PARTS_QRELS.search(item.doc_id)
    }
    made = [question for document in documents.values() for question in _from_document(document)]
    candidates: dict[str, list[StartingQuestion]] = {}
    for question in _merge([*_from_votes(votes, documents), *made]):
        candidates.setdefault(question.origin, []).append(question)
    if not candidates:
        raise CorpusMissing(
            f"nothing in {corpus} suggests a question: no headings, definitions, lines that ask, or votes;"
            " write queries.jsonl and qrels/dev.tsv by hand"
        )
    chosen: list[StartingQuestion] = []
    scarcest = sorted(candidates.values(), key=len)
    for number, group in enumerate(scarcest):
        chosen += evenly(group, (n - len(chosen)) // (len(scarcest) - number))
    return chosen


def write_questions(questions: Sequence[StartingQuestion], corpus: Path, target: Path) -> list[Path]:
    """`queries.jsonl` and `qrels/dev.tsv` below the target; neither is ever overwritten."""
    if corpus.resolve() in target.resolve().parents:
        raise CorpusError(
            f"{target} lies in the corpus, where its questions would be read as documents;"
            f" name {corpus} itself or a folder outside it"
        )
    queries, qrels = target / "queries.jsonl", target / "qrels" / "dev.tsv"
    for path in (queries, qrels):
        if path.exists():
            raise CorpusError(f"{path} is there already and is not overwritten; name another folder")
    ids = [f"{GENERATED}-{number}" for number in range(1, len(questions) + 1)]
    lines = (
        json.dumps(question.to_json(query_id), ensure_ascii=False) + "\n"
        for query_id, question in zip(ids, questions, strict=True)
    )
    judgements = (
        f"{query_id}\t{doc_id}\t1\n"
        for query_id, question in zip(ids, questions, strict=True)
        for doc_id in question.documents
    )
    made: list[Path] = []
    try:
        qrels.parent.mkdir(parents=True, exist_ok=True)
        for path, content in ((qrels, ("query-id\tcorpus-id\tscore\n", *judgements)), (queries, lines)):
            with path.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                made.append(path)
                file.writelines(content)
    except OSError as error:
        for path in made:  # half of them would be in the way the next time
            with suppress(OSError):
                path.unlink()
        raise CorpusError(
            f"{target} cannot be written ({error.strerror or error}); name another folder"
        ) from error
    return [queries, qrels]


def _merge(questions: Iterable[StartingQuestion]) -> list[StartingQuestion]:
    """Questions of the same words become one that all their documents answer; the first's origin stays."""
    merged: dict[str, StartingQuestion] = {}
    for question in questions:
        key = " ".join(question.text.lower().split())
        first = merged.get(key, replace(question, documents=(), evidence=(), answers=()))
        merged[key] = replace(
            first,
            documents=tuple(dict.fromkeys([*first.documents, *question.documents])),
            evidence=tuple(dict.fromkeys([*first.evidence, *question.evidence])),
            answers=tuple(dict.fromkeys([*first.answers, *question.answers])),
        )
    return list(merged.values())


def _from_document(document: Document) -> Iterator[StartingQuestion]:
    def question(text: str, origin: str, span: tuple[int, int]) -> StartingQuestion:
        evidence = Evidence(document.doc_id, *span)
        return StartingQuestion(text, origin, (document.doc_id,), (evidence,))

    for text, span in _definitions(document):
        yield question(text, "definition", span)
    for heading, span in _headed(document):
        if heading.endswith("?"):
            yield question(_bare_question(heading), "faq", span)
        elif heading.lower() not in SAYS_NOTHING:
            title = document.title
            text = (
                heading
                if not title or heading.lower() == title.lower()
                else f"{title.rstrip('?:')}: {heading}"
            )
            if len(text.split()) > 1:
                yield question(text, "heading", span)


SAYS_NOTHING = frozenset(  # headings, in lower case
    "abstract, acknowledgements, afterword, background, bibliography, conclusion, contents, description, discussion,"
    " external links, foreword, further reading, introduction, notes, overview, preface, references,"
    " see also, sources, summary, synopsis, table of contents".split(", ")
)
_QUESTION_MARKER = re.compile(r"[\s>#*_]*(?:(?:Q|Question)\s*\d*\s*[.:)]|\d+[.)])?[\s*_]*", re.IGNORECASE)


def _headed(document: Document) -> Iterator[tuple[str, tuple[int, int]]]:
    """The last heading or question above each run of blocks, or the title where there is none, and their span."""
    below = below_questions(document.text, document.blocks)  # those of JSON lines stand among the prose
    for (section, _), run in groupby(below, key=lambda block: (block.section, block.heading)):
        blocks = list(run)
        yield (
            section.split(SECTION_JOINT)[-1].strip() or document.title,
            (blocks[0].start, blocks[-1].end),
        )


def _bare_question(line: str) -> str:
    """The question without list marks, emphasis, `Q:` or a number before it."""
    marker = _QUESTION_MARKER.match(line)
    return line[marker.end() if marker else 0 :].rstrip(" \t*_")


_DEFINITION = re.compile(
    r"[*_]{0,3}(?P<article>An?|The)?(?(article) [*_]{0,3})(?P<term>[^\W\d_][\w'’-]*(?: [\w'’-]+){0,4}?)[*_]{0,3}"
    r"(?: \(\w{2,12}\))?"
    r" (?P<verb>is|are|was|were) (?:an?|one of|the(?! (?:best|first|last|least|main|most|only|same|worst|\w+est)\b)) "
)
_DEFINES = re.compile(r" (?:is|are|was|were) (?:an?|the|one of) ")
_NO_TERM = frozenset(
    """
    aim all also alternative although another answer because both but case difference each effect every example
    exception few following for four five friday from goal he her here his how idea if in issue it its many
    monday more most my next no nobody nor not nothing now of on one only or other our point problem purpose
    reason result same saturday she since so some sometimes such sunday ten than that their then there these
    they this those three thursday thus to today tuesday two use way we wednesday what when where which while
    who why you your
    """.split()
)
_NEAR = 50_000  # characters in which a word without its capital is looked for
_JOINING = frozenset(("of", "the", "for", "in", "on", "to"))


def _definitions(document: Document) -> Iterator[tuple[str, tuple[int, int]]]:
    """`What is X?` for each sentence `X is a …`; `What is known about X?` where X may be a person."""
    for block in document.blocks:
        if not _DEFINES.search(document.text, block.start, block.end):
            continue  # most have none, and need not be split
        for start, end in split_sentences(document.text, block.start, block.end):
            match = _DEFINITION.match(document.text, start, end)
            if match and (subject := _subject(match)):
                asks = "What is known about" if _may_be_a_person(match) else f"What {match['verb']}"
                yield f"{asks} {subject}?", (start, end)


def _subject(match: re.Match[str]) -> str:
    """The term with its article in lower case; empty where it only points at something said before."""
    words = match["term"].split()
    points = words[0].lower() in _NO_TERM or any(word.lower() in _NO_TERM - _JOINING for word in words)
    if points or (match["article"] == "The" and not any(word[0].isupper() for word in words)):
        return ""
    if _NUMBERED.fullmatch(match["term"]) or (
        words[0].endswith("ing") and words[1:] and not match["article"]
    ):
        return ""  # "Chapter 2", "Calling methods"
    if not match["article"]:
        lowered = [words[0].lower(), *words[1:]]
        near = max(match.start() - _NEAR, 0), match.end() + _NEAR
        phrase = not _JOINING.isdisjoint(words) and all(map(str.islower, words[1:]))
        if phrase or match.string.find(f" {' '.join(lowered)}", *near) >= 0:
            words = lowered  # its capital was for the start of the sentence alone
    return " ".join(filter(None, [(match["article"] or "").lower(), *words]))


def _may_be_a_person(match: re.Match[str]) -> bool:
    """Whether the term is a name without article: of several words, or of what is past."""
    words = match["term"].split()
    is_name = all(word[0].isupper() and not word.isupper() for word in words)
    return not match["article"] and is_name and (len(words) > 1 or match["verb"] == "was")


# What a page suggests ------------------------------------------------------------------------

_LONGEST_SHOWN = 90  # characters
_POINTING = frozenset("he her him his it its she that their them they this those these".split())
_FILE_LIKE = re.compile(
    r"[_/\\]|\.\w{2,4}$|[^\W\d]\d{2}|\d{5}|\b(?:copy|doc|document|draft|final|img|new|scan|untitled|v\d+)\b",
    re.I,
)
_NUMBERED = re.compile(
    r"(?:(?:annex|appendix|chapter|figure|item|line|listing|page|part|section|sheet|slide|step|table)s?)?"
    r"\W*(?:\d[\d.]*|[a-z]|[ivxlc]+)?\W*",
    re.I,
)
_CODE = re.compile(r"\w\(|[]`{}<>=\\[]|--|::|\w:\w")
_INDIRECT = re.compile(r"(?:how|what|when|where|which|who|why)\b", re.I)
_HEADING_NUMBER = re.compile(r"(?:\d+(?:\.\d+)*[.)]|\d+(?:\.\d+)+)\s+")


def suggest_questions(documents: Sequence[Document], most: int) -> list[tuple[str, str, str]]:
    """At most `most` questions from all over the documents, each with the document and the section that is to answer it.

    The documents come in the order of their checksums, so that a new one changes little of the choice.
    """
    share = -(-most // max(len(documents), 1))
    found: list[Sequence[tuple[str, str, str]]] = []
    for document in sorted(documents, key=lambda document: document.sha256):
        if sum(map(len, found)) >= most:
            break
        of_document = [(text, document.doc_id, section) for text, section in questions_of(document)]
        found.append(evenly(of_document, share))
    by_turns = (question for turn in zip_longest(*found) for question in turn if question)
    return list({question[0]: question for question in by_turns}.values())[:most]


def questions_of(document: Document) -> list[tuple[str, str]]:
    """Questions that read well, each with the headings of the section that it was made from."""
    starts = [block.start for block in document.blocks]
    found = [*_definitions(document), *_of_headings(document)]
    made: dict[str, str] = {}
    for words, (start, _) in found:
        text = " ".join(words.split())
        if presentable(text) and not _points_back(text):
            made.setdefault(text, document.blocks[bisect_right(starts, start) - 1].section)
    return list(made.items())


def _of_headings(document: Document) -> Iterator[tuple[str, tuple[int, int]]]:
    """Texts that may be empty or too long, and the spans that they were made from."""
    for heading, span in _headed(document):
        bare, title = _bare_heading(heading), document.title
        if heading.endswith("?"):
            yield heading, span
        elif bare.lower() in title.lower() or title.lower() in bare.lower():
            longer = max(bare, title, key=len)
            yield f"What is known about “{longer}”?" if _names_something(longer) else "", span
        else:
            asked = question_about(heading, title)
            yield asked if len(asked) <= _LONGEST_SHOWN else _question_alone(bare), span


def question_about(heading: str, title: str) -> str:
    """What to ask of a section; "" for a heading that says nothing.

    Of 45 headings of our articles, asked for so, 36 are answered with a quote from their own section.
    """
    if presentable(heading):
        return heading
    bare = _bare_heading(heading)
    if bare.lower() in {*SAYS_NOTHING, title.lower()} or not _says_something(bare):
        return ""
    return f"What does “{title}” say about “{bare}”?" if _names_something(title) else _question_alone(bare)


def _question_alone(heading: str) -> str:
    """Without the document's title; "" for a heading that needs it."""
    tells = len(stems(heading)) > 2 and not _INDIRECT.match(heading)
    return f"What is known about “{heading}”?" if tells else ""


def _bare_heading(heading: str) -> str:
    """Without a number before it, a colon behind it, or marks."""
    number = _HEADING_NUMBER.match(heading)
    return heading[number.end() if number else 0 :].strip(" :#*_¶")


def presentable(question: str) -> bool:
    """Fit to be shown as an example: a whole, short, capitalised question."""
    return question[:1].isupper() and question.endswith("?") and len(question) <= _LONGEST_SHOWN


def _says_something(heading: str) -> bool:
    """Whether a heading or title has words: more than a number, no code, and not all in capitals."""
    letters = [character for character in heading if character.isalpha()]
    return (
        len(letters) > max(2, len("".join(heading.split())) / 3)
        and not (heading.isupper() and len(letters) > 5)
        and not _NUMBERED.fullmatch(heading)
        and not _CODE.search(heading)
        and bool(stems(heading))
    )


def _names_something(title: str) -> bool:
    return _says_something(title) and not _FILE_LIKE.search(title)


def _points_back(question: str) -> bool:
    """Whether it seems to speak of something said before: "Why is that?"."""
    return len(stems(question)) < 3 and not _POINTING.isdisjoint(re.findall(r"\w+", question.lower()))


# From votes ----------------------------------------------------------------------------------


def _from_votes(votes: Sequence[Vote], documents: Mapping[str, Document]) -> Iterator[StartingQuestion]:
    """Questions whose last vote approves, with what their answers cited and the corpus still holds."""
    last = {vote.standalone: vote for vote in reversed(votes)}
    for text, vote in last.items():
        cited = [
            (documents[doc_id], citation)
            for citation in vote.answer.get("citations") or ()
            if (doc_id := str(citation["doc_id"])) in documents
        ]
        evidence = (
            Evidence(document.doc_id, int(citation["start"]), int(citation["end"]))
            for document, citation in cited
            if citation.get("doc_sha256") == document.sha256
        )
        short = vote.answer.get("short_answer")
        if vote.approves and cited:
            yield StartingQuestion(
                text,
                "feedback",
                tuple(dict.fromkeys(document.doc_id for document, _ in cited)),
                tuple(dict.fromkeys(evidence)),
                (str(short),) if short else (),
            )
