"""Documents, queries and judgements on disk; a document cut into passages of whole sentences.

Offsets are characters of `Document.text`, half-open, and never change: the text is that of a BEIR line as
it stands, or what `chatbot.formats` makes of a file. Headings, titles and front matter give context; no
sentence overlaps them, so nothing can quote them; nor can a question that its document answers. A form feed
ends a page.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from chatbot import formats
from chatbot.asked import LONGEST_QUESTION, Question, answer_start, find_questions
from chatbot.errors import CorpusError, CorpusMissing
from chatbot.formats import archive
from chatbot.formats.content import clean
from chatbot.formats.encoding import decode as decode
from chatbot.formats.text import clean_plain_text
from chatbot.inline import MARKDOWN_IT, is_markdown, prose_of_html, without_marks

Span = tuple[int, int]
Qrels = dict[str, dict[str, int]]
CountPieces = Callable[[Sequence[str]], list[int]]

SECTION_JOINT = " › "  # between a title and the headings below it
MAX_PIECES = 256  # word pieces a passage; all-MiniLM-L6-v2 reads no further
RESERVED = ("README.md", "queries.jsonl", "qrels")  # at the root of a corpus: about it, not in it
_SAVED_PAGES = {".html", ".htm"}  # a browser puts their pictures and scripts into NAME_files
_WHOLE_ROW = 400  # characters; a longer row of a table is cut into sentences


@dataclass(frozen=True)
class Block:
    """A run of prose below one path of headings: a paragraph, a list item, a table row."""

    start: int
    end: int
    section: str = ""
    heading: int = 0  # headings and tags of raw HTML above it; no passage reaches over either
    whole: bool = False  # one sentence, whatever stops are in it
    prose: bool = True  # no row of a table, no code


@dataclass(frozen=True)
class Document:
    """`doc_id` is the POSIX path below the corpus folder, or the `_id` of a BEIR line."""

    doc_id: str
    title: str
    text: str = field(repr=False)
    source: str
    blocks: tuple[Block, ...] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def pages(self) -> int:
        """0 in a document without pages."""
        return (
            self.text.count("\f") + bool(self.text[self.text.rfind("\f") + 1 :].strip())
            if "\f" in self.text
            else 0
        )

    def page_at(self, offset: int) -> int | None:
        """The page of a character, from 1; None in a document without pages."""
        if not 0 <= offset < len(self.text):
            raise ValueError(f"no character {offset} in {self.doc_id!r}, which has {len(self.text)}")
        return self.text.count("\f", 0, offset) + 1 if "\f" in self.text else None


@dataclass(frozen=True)
class Passage:
    """A slice of its document that begins and ends with a whole sentence."""

    doc_id: str
    start: int
    end: int
    section: str
    sentences: tuple[Span, ...]


def header_of(title: str, section: str) -> str:
    """Title and headings of a passage, its context for both searches and for the reader."""
    return SECTION_JOINT.join(part for part in (title, section) if part)


def section_below(title: str, section: str) -> str:
    """The headings below the title, without the title where a document has it as a heading too."""
    return "" if section == title else section.removeprefix(f"{title}{SECTION_JOINT}")


@dataclass(frozen=True)
class UnreadFile:
    path: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    doc: str
    start: int
    end: int

    def overlaps(self, doc_id: str, span: Span) -> bool:
        """Whether they share a character."""
        return self.doc == doc_id and self.start < span[1] and span[0] < self.end


@dataclass(frozen=True)
class Query:
    """`history` holds the earlier questions of the conversation, oldest first.

    `evidence` answers; `partly` gives a part of the answer, or gives it in passing.
    """

    query_id: str
    text: str
    answers: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    answerable: bool = True
    history: tuple[str, ...] = ()
    kind: str = ""
    partly: tuple[Evidence, ...] = ()


# Reading a corpus ---------------------------------------------------------------------------


def require_corpus(folder: Path) -> None:
    """Raises CorpusMissing where there is no such folder."""
    if not folder.is_dir():
        raise CorpusMissing(f"no corpus folder at {folder}; name one with --corpus")


def corpus_files(folder: Path, skip: Path | None = None) -> list[Path]:
    """The files of a corpus in a fixed order, without those below `skip` and those left out on purpose."""
    return [path for path, kind in _sorted_files(folder, skip) if not kind]


def left_out_files(folder: Path, skip: Path | None = None) -> dict[str, str]:
    """The files left out on purpose, those in archives too, and what they are: "hidden"; those below `skip` are
    not even named."""
    left_out: dict[str, str] = {}
    for path, kind in _sorted_files(folder, skip):
        name = printable(path.relative_to(folder).as_posix())
        if kind:
            left_out[name] = kind
        elif path.suffix.lower() == ".zip":
            left_out |= {f"{name}/{inner}": kind for inner, kind in archive.left_out_members(path).items()}
    return left_out


def _sorted_files(folder: Path, skip: Path | None) -> list[tuple[Path, str]]:
    """Each file with the kind for which it is left out, "" for one that is to be read."""
    require_corpus(folder)
    skipped = skip.resolve() if skip else None
    paths = list(folder.rglob("*"))
    attached = {path.with_name(f"{path.stem}_files") for path in paths if path.suffix.lower() in _SAVED_PAGES}

    def kind(path: Path) -> str:
        parts = path.relative_to(folder).parts
        if any(part.startswith("~$") for part in parts):
            return "lock of Office"
        if any(part.startswith(".") for part in parts):
            return "hidden"
        if parts[0] in RESERVED:
            return "about the corpus"
        return "" if attached.isdisjoint(path.parents) else "part of a saved web page"

    files = [
        (path, kind(path))
        for path in paths
        # `resolve` fails at a link to itself
        if _is_listed(path) and not (skipped and skipped in Path(os.path.realpath(path)).parents)
    ]
    return sorted(files, key=lambda file: file[0].relative_to(folder).as_posix())


def _is_listed(path: Path) -> bool:
    """Whether it is to be read, or told as not read: broken links, links to folders, folders that cannot be opened.

    What is neither file nor folder (a pipe, a socket) would be waited for.
    """
    try:
        if path.is_file():
            return True
        if path.is_dir():
            return path.is_symlink() or not _is_open(path)
        return not path.exists()
    except PermissionError:  # in a folder whose names can be read and no more; the folder is told
        return False


def _is_open(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def printable(name: str) -> str:
    """The name of a file, with what is not UTF-8 in it written out: "caf\\udce9.txt"."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def read_documents(folder: Path, files: Sequence[Path]) -> Iterator[Document | UnreadFile]:
    """Every document of the files, in their order; a file that cannot be read is named instead.

    Raises CorpusError for a broken line of a .jsonl file and for a document id used twice.
    """
    seen: dict[str, str] = {}
    for path in files:
        for item in _read_file(path, path.relative_to(folder).as_posix()):
            if isinstance(item, Document):
                if item.doc_id in seen:
                    raise CorpusError(
                        f"{item.source}: duplicate document id {item.doc_id!r}, first used at"
                        f" {seen[item.doc_id]}; give each document an id of its own"
                    )
                seen[item.doc_id] = item.source
            yield item


def _read_file(path: Path, name: str) -> Iterator[Document | UnreadFile]:
    if _HALF.search(name):
        yield UnreadFile(printable(name), "has a name that is not UTF-8; rename it")
        return
    if path.is_dir():
        linked = "is a link to a folder, which is not followed; copy the folder"
        yield UnreadFile(name, linked if path.is_symlink() else "is a folder that cannot be opened")
        return
    try:
        data = formats.read_bytes(path)
    except OSError as error:
        yield UnreadFile(name, f"cannot be opened ({error.strerror or error})")
    except formats.Unreadable as error:
        yield UnreadFile(name, str(error))
    else:
        yield from _read_data(data, name)


def _read_data(data: bytes, name: str, archived: bool = False) -> Iterator[Document | UnreadFile]:
    try:
        kind = formats.kind_of(data, name)
        if kind == "zip" and archived:
            raise formats.Unreadable("is an archive inside an archive; unpack it")
        if kind == "zip":
            yield from _read_archive(data, name)
        elif kind:
            yield _compose(formats.read(data, kind), name)
        else:
            yield from _read_text(data, name)
    except (formats.Unreadable, UnicodeError) as error:
        yield UnreadFile(name, str(error))


def _read_archive(data: bytes, name: str) -> Iterator[Document | UnreadFile]:
    found = False
    for member, content in archive.members(data):
        found = True
        if isinstance(content, bytes):
            yield from _read_data(content, f"{name}/{member}", archived=True)
        else:
            yield UnreadFile(f"{name}/{member}", str(content))
    if not found:
        raise formats.Unreadable("holds no files")


def _read_text(data: bytes, name: str) -> Iterator[Document | UnreadFile]:
    text, warning = decode(data)
    warnings = (f"{name}: {warning}",) if warning else ()
    if not text.strip():
        yield UnreadFile(name, "is empty")
    elif Path(name).suffix.lower() == ".jsonl":
        yield from _read_jsonl(text, name)
    else:
        markdown = is_markdown(name)
        document = read_document(clean(text) if markdown else clean_plain_text(text), name, warnings)
        yield document if document.blocks else UnreadFile(name, "holds headings but no text")


def _compose(content: formats.Content, name: str) -> Document:
    text, blocks = _lay_out(content)
    if not blocks:
        raise formats.Unreadable("holds headings but no text" if content.parts else "holds no text")
    warnings = tuple(f"{name}: {warning}" for warning in content.warnings)
    return Document(
        name, content.title or _stem(name), text, name, tuple(below_questions(text, blocks)), warnings
    )


def _lay_out(content: formats.Content) -> tuple[str, list[Block]]:
    """The parts of a file one below the other, and those of prose as blocks below their headings."""
    text = io.StringIO(newline="")
    blocks: list[Block] = []
    path: list[tuple[int, str]] = []  # (level, heading) from the outermost
    headings = 0
    page = 1
    for before, part in itertools.pairwise([None, *content.parts]):
        if part is None:
            continue
        if part.page > page:
            text.write("\f" * (part.page - page))
        elif before is not None:
            text.write("\n" if before.row and part.row else "\n\n")
        start = text.tell()
        text.write(part.text)
        page = max(page, part.page) + part.text.count("\f")
        if part.level:
            path = [*(entry for entry in path if entry[0] < part.level), (part.level, part.text)]
            headings += 1
        else:
            section = SECTION_JOINT.join(heading for _, heading in path)
            whole = part.row and len(part.text) <= _WHOLE_ROW
            blocks.append(Block(start, start + len(part.text), section, headings, whole, not part.row))
    text.write("\f" * max(content.pages + 1 - page, 0))
    return text.getvalue(), blocks


def _stem(name: str) -> str:
    """The name without its ending, in words: "minutes 2026-04"."""
    return re.sub(r"(?<!\d)[-_\s]+|[_\s]+|-+(?!\d)", " ", Path(name).stem).strip()


def read_document(text: str, name: str, warnings: tuple[str, ...] = ()) -> Document:
    """A document from the decoded text of a Markdown or plain-text file called `name`."""
    stem = _stem(name)
    if not is_markdown(name):
        title, body = _title_line(text)
        answers = _by_line(text, below_questions(text, list(_paragraphs(text, body))))
        return Document(name, title or stem, text, name, tuple(answers), warnings)
    matter, body, problem = _front_matter(text)
    blocks, headings = _markdown_blocks(text, body)
    title = " ".join(str(matter.get("title") or "").split()) or next(filter(None, headings), stem)
    if problem:
        warnings = (*warnings, f"{name}: front matter ignored ({problem})")
    return Document(
        name,
        title,
        text,
        name,
        tuple(below_questions(text, list(_by_line(text, blocks)), markdown=True)),
        warnings,
    )


def _read_jsonl(text: str, name: str) -> Iterator[Document]:
    for number, record in _json_lines(text, name):
        where = f"{name}:{number}"
        doc_id, body = record.get("_id"), record.get("text")
        if not isinstance(doc_id, str) or not doc_id or not isinstance(body, str):
            raise CorpusError(f'{where}: a document needs "_id" and "text", both strings')
        title = record.get("title") or ""
        source = record.get("url") or where
        if _HALF.search(f"{doc_id}{title}{body}{source}"):
            raise CorpusError(f"{where}: holds half of a character (\\ud800 to \\udfff alone); mend the line")
        yield Document(doc_id, str(title), body, str(source), tuple(_paragraphs(body, 0)))


_HALF = re.compile("[\ud800-\udfff]")  # a surrogate; no file can hold it


def _json_lines(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:  # also a number too long, and brackets too deep
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise CorpusError(f"{name}:{number}: broken JSON ({reason}); mend or remove the line") from error
        if not isinstance(record, dict):
            raise CorpusError(f"{name}:{number}: expected a JSON object, found {type(record).__name__}")
        yield number, record


# Blocks -------------------------------------------------------------------------------------

_FRONT_MATTER = re.compile(
    r"\A---[ \t]*(?:\r\n|\n|\r)(?![ \t]*[\r\n])(.*?)(?<=[\r\n])---[ \t]*(?:\r\n|\n|\r|\Z)", re.DOTALL
)
_NEWLINE = re.compile(r"\r\n|\n|\r")
_BLANK_LINES = re.compile(r"(?<![ \t])(?:[ \t]*(?>\r\n|\n|\r)){2,}")
_TITLE_LINE = re.compile(
    r"\s*(?P<title>(?P<first>\S)[^\r\n]{0,98}[^\s.!?…:;,=])[ \t]*(?:\r\n|\n|\r)"
    r"(?:[ \t]*[=~*-]{3,}[ \t]*(?:\r\n|\n|\r)|(?=[ \t]*[\r\n]))"  # underlined, or a blank line
)
_STOPPED = re.compile(r"[.!?…][\"'”’»)\]]*\Z")
_ITEM = re.compile(r"(?:\r\n|\n|\r)(?=[ \t]*(?:[-*•‣▪●◦–]|\d{1,3}[.)]|\(\d{1,3}\)|\(?[a-z]\))[ \t]+\S)")
_MARKER = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*")


def body_start(text: str, doc_id: str) -> int:
    """Offset behind the front matter of Markdown; 0 without one."""
    match = _FRONT_MATTER.match(text) if is_markdown(doc_id) else None
    return match.end() if match else 0


def _front_matter(text: str) -> tuple[dict[str, Any], int, str]:
    """The front matter, the offset behind it, and what was wrong with it ("" if nothing)."""
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, 0, ""
    try:
        matter = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date like 2024-13-45
        return {}, match.end(), str(error).splitlines()[0]
    if matter is None or isinstance(matter, dict):
        return matter or {}, match.end(), ""
    return {}, match.end(), "not a mapping"


def _markdown_blocks(text: str, body: int) -> tuple[list[Block], list[str]]:
    """Prose blocks of the Markdown that begins at offset `body`, and its headings in order."""
    lines = [body, *(match.end() for match in _NEWLINE.finditer(text, body)), len(text)]
    blocks: list[Block] = []
    headings: list[str] = []
    path: list[tuple[int, str]] = []  # (level, heading) from the outermost
    outside: list[list[tuple[int, str]]] = []  # the path above each quotation and list item that is open
    markup = 0  # tags of raw HTML, over which no passage reaches
    tokens = MARKDOWN_IT.parse(text[body:])
    for token, following in itertools.pairwise([*tokens, None]):
        if token is None:
            continue
        if token.type in {"blockquote_open", "list_item_open"}:
            outside.append(path)
        elif token.type in {"blockquote_close", "list_item_close"}:
            path = outside.pop()
        if token.map is None:
            continue
        if token.type == "heading_open" and following is not None:
            level = int(token.tag[1])
            path = [entry for entry in path if entry[0] < level]
            headings.append(without_marks(following.content))
            path.append((level, headings[-1]))
        elif token.type == "html_block":
            for piece in prose_of_html(text, lines[token.map[0]], lines[min(token.map[1], len(lines) - 1)]):
                markup += 1
                if piece.level:
                    path = [entry for entry in path if entry[0] < piece.level]
                    headings.append(without_marks(text[piece.start : piece.end]))
                    path.append((piece.level, headings[-1]))
                    continue
                section = SECTION_JOINT.join(entry[1] for entry in path)
                blocks += _block(text, piece.start, piece.end, section, len(headings) + markup)
            if "</details" in token.content.lower():
                path = [entry for entry in path if entry[0] < 7]
            markup += 1
        elif token.type in {"paragraph_open", "tr_open", "fence", "code_block"}:
            start, end = lines[token.map[0]], lines[min(token.map[1], len(lines) - 1)]
            if token.type == "fence":  # without its fences
                first = token.map[0] + 1
                held = len(re.findall(r"[^\n]*\n|[^\n]+\Z", token.content))  # the last fence may be missing
                start, end = lines[first], lines[first + held]
            elif token.level:
                start = _MARKER.match(text, start, end).end()  # type: ignore[union-attr]  # matches ""
            if token.type == "tr_open":
                start, end = _strip(text, start, end, "|")
            section = SECTION_JOINT.join(entry[1] for entry in path)
            prose = token.type == "paragraph_open"
            blocks += _block(text, start, end, section, len(headings) + markup, prose)
    return blocks, headings


def _title_line(text: str) -> tuple[str, int]:
    """The title of a plain text and the offset behind it; "" and 0 where the text may begin with a sentence.

    A title is a first line alone, of at most 100 characters and without a stop, where the paragraph below it has one.
    """
    match = _TITLE_LINE.match(text)
    if not match or not match["first"].isalnum() or match["first"].islower():
        return "", 0
    start, end = _strip(text, match.end(), len(text))
    gap = _BLANK_LINES.search(text, start, end)
    stopped = _STOPPED.search(text, start, gap.start() if gap else end)
    return (match["title"], match.end()) if stopped else ("", 0)


def _paragraphs(text: str, body: int) -> Iterator[Block]:
    """Blocks of plain text: runs between blank lines, and each line that begins like a list item."""
    start = body
    breaks = [(match.start(), match.end()) for match in _BLANK_LINES.finditer(text, body)]
    for stop, following in [*breaks, (len(text), len(text))]:
        line = start
        for item in _ITEM.finditer(text, start, stop):
            yield from _block(text, line, item.start(), "")
            line = item.end()
        yield from _block(text, line, stop, "")
        start = following


def _by_line(text: str, blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks cut at lines that are none of one sentence: where each is "Label: value", and below the name of a
    numbered item ("1. Attendance" over "   41 members were present.").
    """
    for block in blocks:
        lines = list(_FULL_LINE.finditer(text, block.start, block.end)) if block.prose else []
        cuts = [0]
        if len(lines) > 1 and all(_LABELLED.fullmatch(line[0]) and line[0][-1] != "?" for line in lines):
            cuts = list(range(len(lines)))
        elif len(lines) > 1 and _names_an_item(lines[0][0], lines[1][0]):
            cuts = [0, 1]
        for first, following in itertools.pairwise([*cuts, None]):
            start = lines[first].start() if first else block.start
            end = lines[following].start() if following else block.end
            start, end = _strip(text, start, end)
            yield replace(block, start=start, end=end)


def _names_an_item(line: str, below: str) -> bool:
    words = line.split()[1:]
    return bool(
        _ITEM_NAME.fullmatch(line.strip())
        and 0 < len(words) <= _WORDS_OF_A_NAME
        and words[-1] not in _NEVER_LAST_OF_A_NAME
        and re.match(r"[ \t]+[^\sa-z]", below)
    )


_FULL_LINE = re.compile(r"[^\r\n\f]+")
_LABELLED = re.compile(r"[ \t>]*(?:[-*•][ \t]+)?[^\W\d_][^:.!?]{0,38}:[ \t]+\S.*")
_ITEM_NAME = re.compile(r"\d{1,3}[.)][ \t]+[^\sa-z].*[^\s.!?…:;,=-]")
_WORDS_OF_A_NAME = 6
_NEVER_LAST_OF_A_NAME = frozenset("a an and as at by for from in is of on or that the to was with".split())


def _block(
    text: str, start: int, end: int, section: str, heading: int = 0, prose: bool = True
) -> Iterator[Block]:
    start, end = _strip(text, start, end)
    if start < end:
        yield Block(start, end, section, heading, prose=prose)


def _strip(text: str, start: int, end: int, marks: str = "") -> Span:
    """The span without white space and these marks at its ends."""
    while start < end and (text[start].isspace() or text[start] in marks):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in marks):
        end -= 1
    return start, end


# Questions and answers ----------------------------------------------------------------------

_QUESTION_MARKS = ("?", "？", "؟")
_BLOCKS_A_QUESTION = 5  # on average, with its answer; of lines that ask fewer are rhetorical
_FULL_WIDTH = 60  # characters; a text of shorter lines is not broken at a width


def below_questions(text: str, blocks: Sequence[Block], markdown: bool = False) -> list[Block]:
    """The blocks with each answer below its question, as below a heading, and without "A:".

    A question is one marked "Q:", or one of at least two in bold or alone on their lines. What follows it up to the
    next question or heading is its answer; a question that nothing follows stays prose.
    """
    found = {
        number: questions
        for number, block in enumerate(blocks)
        if block.prose and (questions := find_questions(text, block.start, block.end, markdown))
    }
    asked = _answered(text, blocks, found) if found else set()
    if not asked and not any(block.section.endswith("?") for block in blocks):
        return list(blocks)
    kept = {number: [q for q in questions if q in asked] for number, questions in found.items()}
    below: list[Block] = []
    above, question, count = "", "", 0
    for block, begun, start, end in _pieces(text, blocks, kept):
        if block.section != above:
            above, question = block.section, ""
        if begun:
            question, count = begun.words, count + 1
        elif start < end:
            section = SECTION_JOINT.join(filter(None, (above, question)))
            below.append(replace(block, start=start, end=end, section=section, heading=block.heading + count))
    return below


def _pieces(
    text: str, blocks: Sequence[Block], found: Mapping[int, Sequence[Question]]
) -> Iterator[tuple[Block, Question | None, int, int]]:
    """The blocks cut at their questions. An answer begins behind its "A:", and may be empty."""
    is_answer, above = False, ""
    for number, block in enumerate(blocks):
        start = block.start
        if block.section != above:
            above = block.section
            # below a heading that asks; "A. A. Milne" is a name, and "A: best, B: worse" a choice
            is_answer = above.endswith("?") and block.prose and bool(_ANSWERS.match(text, start))
            is_answer = is_answer and not any(
                text.startswith("B:", b.start) for b in blocks[number + 1 : number + 2]
            )
        for question in [*found.get(number, ()), None]:
            span = _strip(text, start, question.start if question else block.end)
            if span[0] < span[1]:
                begin = answer_start(text, *span) if is_answer else span[0]
                yield block, None, begin, span[1]
                is_answer = is_answer and begin == span[1]
            if question:
                yield block, question, question.start, question.end
                start, is_answer = question.end, True


_ANSWERS = re.compile(r"[*_]*(?:A:|Answer[:.])(?!.*\n[ \t]*B:)")


def _answered(text: str, blocks: Sequence[Block], found: Mapping[int, Sequence[Question]]) -> set[Question]:
    """The questions that are answered, of those whose place alone tells them only where there are several."""
    pieces = [piece for piece in _pieces(text, blocks, found) if piece[2] < piece[3]]
    width = max(map(len, text.splitlines()))
    asked: set[Question] = set()
    bold: set[Question] = set()
    for _, run in itertools.groupby(pieces, lambda piece: piece[0].section):
        some = list(run)
        asks = [bool(question) or _only_asks(text, start, end) for _, question, start, end in some]
        lines: list[tuple[int, Question]] = []
        for number, (block, question, _, _) in enumerate(some[:-1]):
            if not question or asks[number + 1]:
                continue
            if question.sign == "marked":
                asked.add(question)
            elif question.sign == "bold":
                bold.add(question)
            # the last of a list of questions is no more answered than the others
            elif not (number and asks[number - 1]) and _is_alone(text, block, question, width):
                lines.append((number, question))
        if len(lines) > 1 and len(lines) * _BLOCKS_A_QUESTION >= len(some) - lines[0][0]:
            asked |= {question for _, question in lines}
    return asked | bold if len(bold) > 1 else asked


def _only_asks(text: str, start: int, end: int) -> bool:
    """Whether every sentence is a question, of a short text."""
    return end - start <= LONGEST_QUESTION and all(
        text[start:end].rstrip(" \t\\*_")[-1:] in _QUESTION_MARKS
        for start, end in split_sentences(text, start, end)
    )


def _is_alone(text: str, block: Block, question: Question, width: int) -> bool:
    """Whether a line only asks, and does not end there because the lines of its text have this width."""
    if not _only_asks(text, question.start, question.end):
        return False
    if question.end == block.end:
        return True
    following = text[question.end : block.end].split(maxsplit=1)[0]
    return width < _FULL_WIDTH or question.end - question.start + 1 + len(following) <= width


# Sentences ----------------------------------------------------------------------------------

_STOP = re.compile(
    r"(?P<stop>(?<![.!?…؟۔।])[.!?…؟۔।]++|[。！？｡]+)"
    r"(?P<close>(?:[\"'”’“‘»›«)\]」』）*_`⁰¹²³⁴-⁹]|\[\^?[\w-]{1,20}\])*)"  # quotes, brackets, emphasis, footnotes
    r"(?P<gap>\s+|(?<=[。！？｡」』）])(?=\S))"
)
_OPENING = "\"'“‘«([*_`"
# before the first sentence: "3.1. The tenant", "§ 5. Rent", "b. Dogs", "IV. Costs"
_NUMBERING = re.compile(r"(?:§+\s*)?(?:\d+(?:\.\d+)*|[a-zA-Z]|[ivxlc]{1,5}|[IVXLC]{1,5})")
_OF_A_LIFE = re.compile(r"(?:[(\[]|[,;] )(?:[bdmr]|fl|est)\Z")  # "(b. 1950; d. 2001)"
_NUMBER = re.compile(r"[\d#]|[IVXLC]+\b(?!['’])")
_NEVER_LAST = frozenset(
    """
    mr mrs ms messrs dr prof gen lt col maj capt adm cmdr cdr sgt cpl pvt brig vice hon rev sen rep gov
    pres st mt ft v vs viz cf e.g i.e ca approx ed eds trans fig figs eq nr esp incl
    """.split()
)
_DATED = frozenset(
    """
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun
    """.split()
)
_BEFORE_NUMBER = _DATED | frozenset(
    """
    no nos p pp vol vols ch chap sec sect art arts op doc docs par para pt c max tel ext
    """.split()
)
_MAYBE_LAST = frozenset(
    """
    jr sr inc ltd co corp bros al etc dept univ div est a.m p.m ph.d u.s u.k u.n
    """.split()
)
_STARTERS = frozenset(
    """
    a after all although an and as at because before both but by despite during each early even every
    few finally for from he her here his how however if in instead it its later many meanwhile moreover
    most no not on once one only other our over several she since so some soon still such that the their
    then there these they this those though three thus to today two under until we what when where
    whether which while who why with within without yet you
    """.split()
)
_WORD = re.compile(r"\w+")


def split_sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """Spans of the sentences of text[start:end], in order, without the white space between them.

    A full stop ends no sentence after an initial, a title or rank, a dotted abbreviation or a
    numbering word, unless what follows can hardly be anything but a beginning.
    """
    end = len(text) if end is None else end
    spans: list[Span] = []
    begin = start
    for match in _STOP.finditer(text, start, end):
        if match.end() < end and _ends_sentence(text, begin, match, end):
            spans.append(_strip(text, begin, match.end("close")))
            begin = match.end()
    spans.append(_strip(text, begin, end))
    return [span for span in spans if span[0] < span[1]]


def _ends_sentence(text: str, begin: int, match: re.Match[str], end: int) -> bool:
    if not match["gap"] or match["stop"][0] in "。！？｡":
        return True
    following = text[match.end()]
    detached = match.start() > begin and text[match.start() - 1].isspace()  # tokenised text: "end . Next"
    if following.islower():
        return detached and match["stop"] == "."
    if match["stop"] != ".":
        return True
    before = text[max(begin, match.start() - 64) : match.start()]
    lived = _OF_A_LIFE.search(before)
    if lived and (lived[0][0] in "([" or text[match.end()].isdigit()):
        return False
    word = "" if detached or not before.strip() else before.split()[-1].lstrip(_OPENING)
    if _NUMBERING.fullmatch(before.strip().lstrip(_OPENING)):
        return False
    return not word or _word_ends_sentence(word, text, match, end)


def _word_ends_sentence(word: str, text: str, match: re.Match[str], end: int) -> bool:
    """Whether the full stop behind `word` ends the sentence, given what follows."""
    lower = word.lower()
    next_word = _WORD.match(text, match.end(), end)
    starter = bool(next_word) and next_word[0].lower() in _STARTERS  # type: ignore[index]  # bool above
    if (lower in _NEVER_LAST and word != "ms") or (lower.endswith((".gen", ".col"))):
        return False
    if len(word) == 1 and word.isalpha() and word.isupper():
        return starter and next_word is not None and len(next_word[0]) > 1
    if lower in _BEFORE_NUMBER:
        number = _NUMBER.match(text, match.end(), end)
        return not number or (number[0] == "I" and (lower == "no" or lower in _DATED))
    if lower in _MAYBE_LAST or re.fullmatch(r"(?:\w\.)+\w", word):
        return starter or match["close"].strip("*_`") != ""
    return True


# Passages -----------------------------------------------------------------------------------


READING = 5  # raised when the text of a file would be read otherwise than before
SPLITTING = 3  # raised when a document would be split otherwise than before


def split_document(
    document: Document, count_pieces: CountPieces, max_pieces: int = MAX_PIECES
) -> tuple[list[Passage], list[str]]:
    """Passages of one section each and of at most `max_pieces` word pieces, and warnings.

    The sentences of a section are spread evenly, so none is left over in a stub of a passage.
    A sentence that is too long alone is divided, with a warning; no character is dropped.
    """
    text = document.text
    passages: list[Passage] = []
    warnings = list(document.warnings)
    for section, spans in _sections(document):
        # what stands between two sentences (list markers, say) counts with the later one
        starts = [spans[0][0], *(span[1] for span in spans[:-1])]
        pieces = count_pieces([text[start : span[1]] for start, span in zip(starts, spans, strict=True)])
        sized: list[tuple[Span, int]] = []
        for start, span, size in zip(starts, spans, pieces, strict=True):
            if size <= max_pieces:
                sized.append((span, size))
                continue
            parts = list(_divide(text, span, count_pieces, max_pieces))
            if len(parts) > 1:
                warnings.append(
                    f"{document.source}: a sentence of {size} word pieces at character {span[0]} is divided"
                    f" into {len(parts)} parts of at most {max_pieces}"
                )
            first = parts[0][0]
            sized += [(first, count_pieces([text[start : first[1]]])[0]), *parts[1:]]
        for group in _spread(sized, max_pieces):
            passages.append(Passage(document.doc_id, group[0][0], group[-1][1], section, tuple(group)))
    return passages, warnings


def _sections(document: Document) -> Iterator[tuple[str, list[Span]]]:
    """Sentences of neighbouring blocks below the same headings."""
    below: tuple[str, int] = ("", 0)
    spans: list[Span] = []
    for block in document.blocks:
        if (block.section, block.heading) != below and spans:
            yield below[0], spans
            spans = []
        below = (block.section, block.heading)
        if block.whole:
            spans.append((block.start, block.end))
        else:
            spans += split_sentences(document.text, block.start, block.end)
    if spans:
        yield below[0], spans


def _divide(text: str, span: Span, count_pieces: CountPieces, most: int) -> Iterator[tuple[Span, int]]:
    """The span in halves of halves, cut at white space where there is any, until each part fits."""
    pending = [span]
    while pending:
        start, end = pending.pop()
        size = count_pieces([text[start:end]])[0]
        if size <= most or end - start < 2:
            yield (start, end), size
            continue
        middle = (start + end) // 2
        space = re.compile(r"\s").search(text, middle, (middle + end) // 2)
        cut = space.start() if space else middle
        halves = _strip(text, start, cut), _strip(text, cut, end)
        pending += [half for half in reversed(halves) if half[0] < half[1]]


def _spread(sized: Sequence[tuple[Span, int]], most: int) -> Iterator[list[Span]]:
    """Groups of neighbours of about equal size, none above `most`."""
    total = sum(size for _, size in sized)
    target = total / math.ceil(total / most) if total else most
    group: list[Span] = []
    filled = 0
    for span, size in sized:
        if group and (filled + size > most or filled + size / 2 > target):
            yield group
            group, filled = [], 0
        group.append(span)
        filled += size
    if group:
        yield group


# Queries and judgements ---------------------------------------------------------------------


def read_queries(folder: Path) -> dict[str, Query]:
    """Queries by id, in the order of queries.jsonl."""
    path = folder / "queries.jsonl"
    if not path.is_file():
        raise CorpusMissing(f"no {path}; evaluation needs queries.jsonl and qrels/ in the BEIR layout")
    queries: dict[str, Query] = {}
    for number, record in _json_lines(_read_utf8(path), str(path)):
        query = _query(record, f"{path}:{number}")
        if query.query_id in queries:
            raise CorpusError(f"{path}:{number}: duplicate query id {query.query_id!r}")
        queries[query.query_id] = query
    return queries


def _query(record: dict[str, Any], where: str) -> Query:
    query_id, text = record.get("_id"), record.get("text")
    if not isinstance(query_id, str) or not isinstance(text, str):
        raise CorpusError(f'{where}: a query needs "_id" and "text", both strings')
    if _HALF.search(json.dumps(record, ensure_ascii=False)):
        raise CorpusError(f"{where}: holds half of a character (\\ud800 to \\udfff alone); mend the line")
    metadata = record.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise CorpusError(f'{where}: "metadata" must be a JSON object')
    try:
        evidence, partly = (
            tuple(
                Evidence(str(item["doc"]), int(item["start"]), int(item["end"]))
                for item in metadata.get(name) or ()
            )
            for name in ("evidence", "partly")
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CorpusError(f'{where}: evidence needs "doc", "start" and "end"') from error
    answerable = metadata.get("answerable", True)
    if answerable not in (True, False):
        raise CorpusError(f'{where}: "answerable" must be true or false')
    return Query(
        query_id,
        text,
        _texts(metadata, "answers", where),
        evidence,
        bool(answerable),
        _texts(metadata, "history", where),
        str(metadata.get("kind") or ""),
        partly,
    )


def _texts(metadata: dict[str, Any], name: str, where: str) -> tuple[str, ...]:
    texts = metadata.get(name) or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise CorpusError(f'{where}: "{name}" must be a list of strings')
    return tuple(texts)


PARTS_QRELS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")  # tabs, and where splitlines splits


def read_qrels(folder: Path, split: str) -> Qrels:
    path = folder / "qrels" / f"{split}.tsv"
    if not path.is_file():
        raise CorpusMissing(f"no {path}; name another split with --split")
    qrels: Qrels = {}
    for number, line in enumerate(_read_utf8(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            query_id, doc_id, relevance = line.split("\t")
            grade = int(relevance)
        except ValueError as error:
            if number == 1 and not line.rstrip()[-1].isdigit():  # BEIR's header
                continue
            raise CorpusError(
                f"{path}:{number}: expected query-id, corpus-id and a whole number, parted by tabs"
            ) from error
        qrels.setdefault(query_id, {})[doc_id] = grade
    return qrels


def _read_utf8(path: Path) -> str:
    """Without a byte order mark. Raises CorpusError."""
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not in UTF-8 ({error}); save it in UTF-8") from error


def split_names(folder: Path) -> list[str]:
    """The splits that a corpus has judgements for, by name."""
    return sorted(path.stem for path in (folder / "qrels").glob("[!.]*.tsv"))


def split_queries(folder: Path, split: str) -> list[Query]:
    """The queries of a split, in file order.

    A query with a line in the split's judgements belongs to it. Unanswerable queries of public
    sets have no line; where there is one split only they belong to it too.
    """
    qrels = read_qrels(folder, split)
    queries = read_queries(folder)
    for query_id in qrels:
        if query_id not in queries:
            raise CorpusError(f"{folder / 'qrels' / split}.tsv: no query {query_id!r} in queries.jsonl")
    alone = len(split_names(folder)) == 1
    return [
        query for query in queries.values() if query.query_id in qrels or (alone and not query.answerable)
    ]
