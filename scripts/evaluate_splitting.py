"""How well passages hold the gold excerpts of long documents, ours against fixed lengths.

    python scripts/evaluate_splitting.py DIR --pieces 64 128 192

DIR is a folder in the BEIR layout whose questions have `evidence`. Every splitting gets the same encoder, the same
titles before its passages and the same two searches, `ours` and `dense`. Fixed passages are cut between words; their
length is counted in words or in the encoder's own word pieces. The encoder reads no further than it can (256 pieces
for all-MiniLM-L6-v2) in passages of 400 too, as it does for whoever splits so; BM25 reads them whole. The sentences
that `ours` compares are those of our splitting, cut where a fixed passage cuts them.

Of the first 5 passages of each question:

touched     share of its excerpts that share a character with one of them
whole       share of its excerpts that lie in them wholly, white space aside
recall      share of the excerpts' characters that they hold, each counted once
precision   those characters over all characters of the 5, which count as often as they are shown
IoU         those characters over all characters of the 5 and the missing ones of the excerpts

The last three are Smith & Troynikov's ("Evaluating Chunking Strategies for Retrieval", Chroma, 2024), who call them
token-wise, but whose program counts characters as well. Longer passages show more, which favours their recall and
costs precision. So there is recall@4000 too: of the first 4,000 characters, the last passage cut.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from chatbot.corpus import (
    Document,
    Evidence,
    Passage,
    Query,
    Span,
    corpus_files,
    read_documents,
    split_document,
    split_queries,
)
from chatbot.encoder import Encoder, Signs, load_encoder
from chatbot.errors import ChatbotError, CorpusError
from chatbot.evaluate import (
    Difference,
    Floats,
    Interval,
    compare,
    mean_intervals,
    spread,
    standalone_text,
    table,
)
from chatbot.index import PassageIndex, PassageVectors, Source, passage_pieces, publish, write_generation
from chatbot.progress import build_bar

K = 5  # passages
BUDGET = 4000  # characters
DEPTH = 50  # passages looked at for them
OURS = "ours"
SEARCHES = ("ours", "dense")
MEASURES = ("touched", "whole", "recall", "precision", "IoU", f"recall@{BUDGET}")

Splitter = Callable[[Document, Encoder], list[Passage]]
Characters = set[tuple[str, int]]  # (document, offset)
Values = dict[str, dict[str, Floats]]  # search -> splitting -> (queries, MEASURES and characters shown)


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        _run(args)
    except ChatbotError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="How well the first 5 passages hold the gold excerpts, by our splitting and by fixed"
        " lengths, with 95 % intervals and paired differences."
    )
    parser.add_argument(
        "corpus", metavar="DIR", type=Path, help="folder with documents, queries.jsonl with evidence, qrels/"
    )
    parser.add_argument("--split", default="test", help="which qrels/<split>.tsv (default: test)")
    parser.add_argument("--limit", type=_count, metavar="N", help="N questions, evenly spread over the split")
    parser.add_argument(
        "--pieces",
        type=_count,
        nargs="+",
        default=[],
        metavar="N",
        help="ours at most N word pieces long, too",
    )
    parser.add_argument("--model", metavar="NAME", help="another encoder: a model's name or folder")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    return parser


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def _run(args: argparse.Namespace) -> None:
    documents = [
        item for item in read_documents(args.corpus, corpus_files(args.corpus)) if isinstance(item, Document)
    ]
    queries = spread(questions_with_evidence(args.corpus, args.split, documents), args.limit)
    encoder = load_encoder(args.model)
    sources = split_all(documents, splitters(args.pieces), encoder)
    with tempfile.TemporaryDirectory() as folder:
        values = measure_all(sources, queries, encoder, Path(folder))
    passages = {name: len(source.passages) for name, source in sources.items()}
    report = make_report(args.corpus.resolve().name, passages, values)
    print(report.to_json() if args.json else report.to_text())


def questions_with_evidence(folder: Path, split: str, documents: Sequence[Document]) -> list[Query]:
    texts = {document.doc_id: document.text for document in documents}
    queries = [query for query in split_queries(folder, split) if query.evidence]
    if not queries:
        raise CorpusError(f"no question of {folder} ({split}) has evidence; splitting is measured by it")
    for query in queries:
        for piece in query.evidence:
            text = texts.get(piece.doc, "")
            if not (0 <= piece.start < piece.end <= len(text) and text[piece.start : piece.end].strip()):
                raise CorpusError(
                    f"{folder}: evidence of query {query.query_id!r} is no text of a document:"
                    f" {piece.doc!r}, {piece.start} to {piece.end}; mend queries.jsonl"
                )
    return queries


# Splitting ----------------------------------------------------------------------------------


def splitters(pieces: Sequence[int] = ()) -> dict[str, Splitter]:
    return {
        OURS: split_ours,
        **{f"ours, {most} pieces": partial(split_ours, most=most) for most in pieces},
        "200 words": partial(split_fixed, most=200, unit="words"),
        "400 pieces": partial(split_fixed, most=400),
        "400 pieces, 200 shared": partial(split_fixed, most=400, shared=200),
    }


def split_ours(document: Document, encoder: Encoder, most: int | None = None) -> list[Passage]:
    return split_document(document, encoder.count_pieces, most or passage_pieces(encoder))[0]


def split_fixed(
    document: Document, encoder: Encoder, most: int, shared: int = 0, unit: str = "pieces"
) -> list[Passage]:
    spans = [match.span() for match in re.finditer(r"\S+", document.text)]
    words = [document.text[start:end] for start, end in spans]
    sizes = encoder.count_pieces(words) if unit == "pieces" else [1] * len(words)
    sentences = [span for passage in split_ours(document, encoder) for span in passage.sentences]
    return [
        Passage(document.doc_id, *span, "", clip(sentences, span) or (span,))
        for span in cut(spans, sizes, most, shared)
    ]


def cut(words: Sequence[Span], sizes: Sequence[int], most: int, shared: int = 0) -> Iterator[Span]:
    """Spans of as many words as have the size `most` together; `shared` of it is the last one's end again."""
    ends = [0, *accumulate(sizes)]
    first = last = 0
    while last < len(words):
        while first < last and (ends[last] - ends[first] > shared or ends[last + 1] - ends[first] > most):
            first += 1
        last += 1  # a passage has a new word, however long
        while last < len(words) and ends[last + 1] - ends[first] <= most:
            last += 1
        yield words[first][0], words[last - 1][1]
        first += 1


def clip(spans: Sequence[Span], within: Span) -> tuple[Span, ...]:
    """What of the spans lies within another."""
    begin, end = within
    return tuple((max(a, begin), min(b, end)) for a, b in spans if a < end and begin < b)


def split_all(
    documents: Sequence[Document], ways: Mapping[str, Splitter], encoder: Encoder
) -> dict[str, Source]:
    sources = {name: Source() for name in ways}
    for document in tqdm(documents, desc="splitting", unit="document", disable=None, leave=False):
        for name, split in ways.items():
            sources[name].add(document, split(document, encoder))
    for source in sources.values():
        source.leave_out_long_headers(encoder)
    return sources


# Searching ----------------------------------------------------------------------------------


def measure_all(
    sources: Mapping[str, Source], queries: Sequence[Query], encoder: Encoder, folder: Path
) -> Values:
    vectors = embed(list(sources.values()), encoder)
    values: Values = {search: {} for search in SEARCHES}
    for number, (name, source) in enumerate(sources.items()):
        index = build(source, vectors, encoder, folder / str(number))
        texts = {document.doc_id: document.text for document in source.documents}
        rows: dict[str, list[list[float]]] = {search: [] for search in SEARCHES}
        for query in tqdm(queries, desc=name, unit="question", disable=None, leave=False):
            pool = index.pool(standalone_text(query))
            for search in SEARCHES:
                found = [hit.passage for hit in index.hits(pool, DEPTH, search)]
                shown = [Evidence(passage.doc_id, passage.start, passage.end) for passage in found]
                rows[search].append(measure(query.evidence, shown, texts))
        for search in SEARCHES:
            values[search][name] = np.array(rows[search])
    return values


@dataclass(frozen=True)
class Embedded:
    """By text; splittings have most sentences in common."""

    passages: Mapping[str, tuple[NDArray[np.float32], Signs]]
    sentences: Mapping[str, NDArray[np.float32]]

    def of(self, source: Source, number: int) -> PassageVectors:
        vector, signs = self.passages[source.embedded(number)]
        return vector, np.stack([self.sentences[text] for text in source.sentences(number)]), signs


def embed(sources: Sequence[Source], encoder: Encoder) -> Embedded:
    numbers = [(source, number) for source in sources for number in range(len(source.passages))]
    passages = list(dict.fromkeys(source.embedded(number) for source, number in numbers))
    sentences = list(dict.fromkeys(text for source, number in numbers for text in source.sentences(number)))
    total = len(passages) + len(sentences)
    with build_bar() as tell:
        with_tokens = encoder.encode_with_tokens(passages, lambda done, _: tell("embedding", done, total))
        vectors = encoder.encode_passages(
            sentences, lambda done, _: tell("embedding", len(passages) + done, total)
        )
    return Embedded(
        dict(zip(passages, zip(*with_tokens, strict=True), strict=True)),
        dict(zip(sentences, vectors, strict=True)),
    )


def build(source: Source, embedded: Embedded, encoder: Encoder, folder: Path) -> PassageIndex:
    numbers = range(len(source.passages))
    rows = (embedded.of(source, number) for number in numbers)
    work = folder / "making"
    work.mkdir(parents=True)
    keys = [source.key(number) for number in numbers]
    write_generation(work, source, keys, rows, map(source.stems, numbers), encoder, {}, [])
    publish(folder, work, encoder)
    return PassageIndex.open(folder, encoder)


# Measuring ----------------------------------------------------------------------------------


def measure(gold: Sequence[Evidence], found: Sequence[Evidence], texts: Mapping[str, str]) -> list[float]:
    """MEASURES of one question, and the characters of its first K passages; `found` is best first."""
    shown = found[:K]
    length = sum(piece.end - piece.start for piece in shown)
    wanted = characters(gold)
    held = lying_in(shown, wanted)
    excerpts = [characters([piece]) for piece in gold]
    missing = {(doc, at) for doc, at in wanted - held if not texts[doc][at].isspace()}
    first = lying_in(take(found, BUDGET), wanted)
    return [
        sum(not held.isdisjoint(excerpt) for excerpt in excerpts) / len(gold),
        sum(missing.isdisjoint(excerpt) for excerpt in excerpts) / len(gold),
        len(held) / len(wanted),
        len(held) / length if length else 0.0,
        len(held) / (length + len(wanted - held)),
        len(first) / len(wanted),
        float(length),
    ]


def characters(pieces: Sequence[Evidence]) -> Characters:
    return {(piece.doc, at) for piece in pieces for at in range(piece.start, piece.end)}


def lying_in(pieces: Sequence[Evidence], wanted: Characters) -> Characters:
    return {
        (doc, at)
        for doc, at in wanted
        if any(piece.doc == doc and piece.start <= at < piece.end for piece in pieces)
    }


def take(pieces: Sequence[Evidence], budget: int) -> list[Evidence]:
    """The first of the pieces that have `budget` characters together, the last one cut."""
    before = accumulate((piece.end - piece.start for piece in pieces), initial=0)
    return [
        Evidence(piece.doc, piece.start, min(piece.end, piece.start + budget - taken))
        for piece, taken in zip(pieces, before, strict=False)
        if taken < budget
    ]


# The report ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """Of one splitting in one search; `difference` is ours less this one."""

    measures: dict[str, Interval]
    difference: dict[str, Difference]
    characters: float  # mean of the first K passages


@dataclass(frozen=True)
class SplittingReport:
    corpus: str
    n: int
    passages: dict[str, int]
    searches: dict[str, dict[str, Figures]]

    def to_json(self) -> str:
        searches = {
            search: {
                name: {
                    "characters": figures.characters,
                    **{measure: interval.to_json() for measure, interval in figures.measures.items()},
                    "difference": {m: difference.to_json() for m, difference in figures.difference.items()},
                }
                for name, figures in rows.items()
            }
            for search, rows in self.searches.items()
        }
        content: dict[str, Any] = {
            "corpus": self.corpus, "n": self.n, "passages": self.passages, "searches": searches,
        }  # fmt: skip
        return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)

    def to_text(self) -> str:
        parts = [f"{self.corpus}: n = {self.n:,} questions; the first {K} passages, 95 % intervals"]
        for search, rows in self.searches.items():
            figures = [[f"search: {search}", "passages", "characters", *MEASURES]]
            differences = [["ours less", *MEASURES]]
            for name, row in rows.items():
                counts = [f"{self.passages[name]:,}", f"{row.characters:,.0f}"]
                figures.append([name, *counts, *map(str, row.measures.values())])
                if row.difference:
                    differences.append([name, *map(str, row.difference.values())])
            parts += [table(figures), table(differences)]
        return "\n\n".join(parts)


def make_report(corpus: str, passages: dict[str, int], values: Values) -> SplittingReport:
    def figures(name: str, rows: Mapping[str, Floats]) -> Figures:
        measured = rows[name][:, : len(MEASURES)]
        differences = [] if name == OURS else compare(rows[OURS][:, : len(MEASURES)], measured)
        return Figures(
            dict(zip(MEASURES, mean_intervals(measured), strict=True)),
            dict(zip(MEASURES, differences, strict=False)),
            float(rows[name][:, -1].mean()),
        )

    searches = {search: {name: figures(name, rows) for name in rows} for search, rows in values.items()}
    return SplittingReport(corpus, len(values[OURS][OURS]), passages, searches)


if __name__ == "__main__":
    sys.exit(main())
