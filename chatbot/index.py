"""The passage index: FAISS for meaning, BM25 for words, SQLite for text; the only module that imports faiss.

On disk. `folder/CURRENT` names the live generation, `folder/<generation>/` holds

    manifest.json          format, encoder, counts, fingerprint of the corpus, checksums, versions
    passages.sqlite        documents, passages with their sentences, example questions
    passages.faiss         inner-product index of the passage vectors
    passage_vectors.npy    (passages, dim) float32, unit rows
    sentence_vectors.npy   (sentences, dim) float16, unit rows, in the order of passages
    sentence_offsets.npy   (passages + 1,) int64: sentences of passage i are rows offsets[i]:offsets[i+1]
    bm25/                  as bm25s saves it

A build writes a folder of its own, checks it, renames it and at last replaces CURRENT: whenever it
is stopped, the old generation stays whole and live.

Ranking. The pool is the union of the best passages by cosine and by BM25. A candidate's meaning is the
cosine of the passage plus that of its best view: the passage again or, if it is nearer, one of its
sentences (a passage on several things is found by one of them; a question that only the title
repeats, by the whole). `ours` is a convex combination of meaning and BM25, each min-max normalised
over the pool (Bruch, Gai & Ingber, ACM TOIS 2023). `rrf` is reciprocal rank fusion with k = 60 and
ranks from 1 (Cormack, Clarke & Büttcher, SIGIR 2009).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bm25s
import faiss
import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from chatbot.corpus import (
    MAX_PIECES,
    Document,
    Passage,
    UnreadFile,
    corpus_files,
    header_of,
    read_documents,
    read_qrels,
    read_queries,
    split_document,
)
from chatbot.encoder import Encoder, Vectors
from chatbot.errors import (
    CorpusMissing,
    IndexBroken,
    IndexBusy,
    IndexMismatch,
    IndexMissing,
    IndexReadOnly,
)
from chatbot.terms import stems

FORMAT = 2  # raised when an older index can no longer be read, or would be built otherwise today
METHODS = ("dense", "bm25", "rrf", "ours")
POOL = 100  # best passages taken from each of the two searches
RRF_K = 60
LEXICAL_WEIGHT = 0.2  # of BM25; meaning has the rest
BM25_K1, BM25_B = 1.2, 0.75
HEADER_PIECES = 40  # word pieces of title and headings that may go before a passage
_HASHED_BYTES = 256 << 20  # files of an index up to this size together are checksummed when it is opened

Progress = Callable[[str, int, int], None]  # stage, done, total


@dataclass(frozen=True)
class Hit:
    """`why` holds the parts of the score: dense, sentence (cosines) and lexical (BM25)."""

    passage: Passage
    text: str = field(repr=False)
    title: str
    source: str
    score: float
    rank: int
    why: dict[str, float]
    row: int = -1


@dataclass(frozen=True)
class Pool:
    """Candidates of one query in corpus order; every array has one entry a candidate."""

    rows: NDArray[np.int64]
    dense: NDArray[np.float32]
    sentence: NDArray[np.float32]
    lexical: NDArray[np.float32]
    in_dense: NDArray[np.bool_]  # found by the dense search itself
    in_lexical: NDArray[np.bool_]

    def scores(self, method: str) -> NDArray[np.float64]:
        """Higher is better; -inf where the method's own search has not found the candidate."""
        if method == "dense":
            return np.where(self.in_dense, self.dense.astype(np.float64), -np.inf)
        if method == "bm25":
            return np.where(self.in_lexical, self.lexical.astype(np.float64), -np.inf)
        if method == "rrf":
            ranks = self._reciprocal(self.dense, self.in_dense) + self._reciprocal(
                self.lexical, self.in_lexical
            )
            return np.asarray(ranks, np.float64)
        if method == "ours":
            meaning = _min_max(self.dense + np.maximum(self.dense, self.sentence))
            return (1 - LEXICAL_WEIGHT) * meaning + LEXICAL_WEIGHT * _min_max(self.lexical)
        raise ValueError(f"no method {method!r}; there are {', '.join(METHODS)}")

    @staticmethod
    def _reciprocal(scores: NDArray[np.float32], found: NDArray[np.bool_]) -> NDArray[np.float64]:
        ranks = np.empty(len(scores))
        ranks[np.argsort(-np.where(found, scores, -np.inf), kind="stable")] = np.arange(1, len(scores) + 1)
        return np.where(found, 1 / (RRF_K + ranks), 0.0)


def _min_max(values: NDArray[Any]) -> NDArray[np.float64]:
    """Values mapped to 0..1; all 0 when they are all equal."""
    if not len(values):
        return np.zeros(0)
    low, high = float(values.min()), float(values.max())
    return (values.astype(np.float64) - low) / (high - low) if high > low else np.zeros(len(values))


@dataclass(frozen=True)
class BuildReport:
    documents: int
    passages: int
    embedded: int  # passages
    reused: int  # passages
    removed: int  # passages of the generation before that are gone
    seconds: float
    unread: tuple[UnreadFile, ...]
    warnings: tuple[str, ...]
    generation: str

    def __str__(self) -> str:
        return (
            f"{self.documents:,} documents, {self.passages:,} passages: {self.embedded:,} embedded,"
            f" {self.reused:,} reused, {self.removed:,} removed in {self.seconds:.1f} s"
        )


# Searching ----------------------------------------------------------------------------------


class PassageIndex:
    """One generation, read-only; safe to use from several threads."""

    def __init__(self, folder: Path, generation: str, encoder: Encoder) -> None:
        self.generation = generation
        self.encoder = encoder
        self._folder = folder / generation
        self.manifest = read_manifest(folder, generation)
        _check_encoder(self.manifest, encoder, folder)
        _check_files(self._folder, self.manifest)
        try:
            self._faiss = faiss.read_index(str(self._folder / "passages.faiss"))
            self._sentences = np.load(
                self._folder / "sentence_vectors.npy", mmap_mode="r", allow_pickle=False
            )
            self._passages = np.load(self._folder / "passage_vectors.npy", mmap_mode="r", allow_pickle=False)
            self._offsets = np.load(self._folder / "sentence_offsets.npy", allow_pickle=False)
            self._bm25 = bm25s.BM25.load(self._folder / "bm25", mmap=True, show_progress=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise IndexBroken(
                f"{self._folder} cannot be read ({error}); run scripts/rebuild_index.py --force"
            ) from error
        self._db = _open_read_only(self._folder / "passages.sqlite")
        self._lock = threading.Lock()
        self._documents: list[str] = [
            row[0] for row in self._rows("SELECT doc_id FROM documents ORDER BY row")
        ]
        self._document_of = np.array(
            [row[0] for row in self._rows("SELECT document FROM passages ORDER BY row")], np.int64
        )

    @classmethod
    def open(cls, folder: Path, encoder: Encoder) -> PassageIndex:
        """The live generation. Raises IndexMissing, IndexBroken or IndexMismatch."""
        return cls(folder, current_generation(folder), encoder)

    def __len__(self) -> int:
        return len(self._document_of)

    def search(self, question: str, k: int = 10, method: str = "ours") -> list[Hit]:
        """The k best passages, best first; fewer when fewer are found. Equal scores keep corpus order."""
        return self.hits(self.pool(question, max(POOL, k)), k, method)

    def hits(self, pool: Pool, k: int, method: str = "ours") -> list[Hit]:
        scores = pool.scores(method)
        best = [i for i in np.argsort(-scores, kind="stable")[:k] if scores[i] > -np.inf]
        return [self._hit(pool, int(i), float(scores[i]), rank) for rank, i in enumerate(best, 1)]

    def pool(self, question: str, depth: int = POOL) -> Pool:
        """The best `depth` passages by cosine together with the best `depth` by BM25."""
        return self.pool_of(self.encoder.encode_queries([question])[0], question, depth)

    def pool_of(self, vector: NDArray[np.float32], question: str, depth: int = POOL) -> Pool:
        """As `pool`, for a (dim,) vector that has been computed already."""
        dense = self._dense(vector, depth)
        lexical = self.lexical_scores(stems(question))  # (passages,)
        words = _best(lexical, depth)
        rows = np.union1d(dense, words)
        return Pool(
            rows,
            _cosines(self._passages[rows], vector),
            self._best_sentence(rows, vector),
            lexical[rows],
            np.isin(rows, dense),
            np.isin(rows, words),
        )

    def lexical_scores(self, query_stems: Sequence[str]) -> NDArray[np.float32]:
        """BM25 of every passage."""
        known = [stem for stem in query_stems if stem in self._bm25.vocab_dict]
        if not known:
            return np.zeros(len(self), np.float32)
        return np.asarray(self._bm25.get_scores(known), np.float32)

    def sentence_vectors(self, row: int) -> Vectors:
        """(sentences, dim) unit rows of a passage's sentences."""
        return np.asarray(self._sentences[self._offsets[row] : self._offsets[row + 1]], np.float32)

    def document_frequency(self, stem: str) -> int:
        """In how many passages the stem occurs."""
        number = self._bm25.vocab_dict.get(stem)
        if number is None:
            return 0
        bounds = self._bm25.scores["indptr"]
        return int(bounds[number + 1] - bounds[number])

    def doc_id(self, row: int) -> str:
        """The document of a passage row."""
        return self._documents[int(self._document_of[row])]

    def document(self, doc_id: str) -> Document:
        """The document as it was read. Raises KeyError if there is none of this id."""
        for title, source, text in self._rows(
            "SELECT title, source, text FROM documents WHERE doc_id = ?", doc_id
        ):
            return Document(doc_id, title, text, source, ())
        raise KeyError(doc_id)

    def titles(self) -> list[tuple[str, str]]:
        """(doc_id, title) of every document, in corpus order."""
        return self._rows("SELECT doc_id, title FROM documents ORDER BY row")

    def sections(self, doc_id: str) -> list[str]:
        """Headings of a document that have text below them, in order, each once."""
        query = "SELECT DISTINCT section FROM passages JOIN documents ON document = documents.row WHERE doc_id = ?"
        return [row[0] for row in self._rows(query, doc_id) if row[0]]

    def questions(self) -> list[tuple[str, tuple[str, ...]]]:
        """Questions that came with the corpus, each with the documents that answer it."""
        return [
            (text, tuple(json.loads(ids)))
            for text, ids in self._rows("SELECT text, doc_ids FROM questions ORDER BY row")
        ]

    def passage(self, row: int) -> tuple[Passage, str, str, str]:
        """Passage, its text, and the title and source of its document."""
        query = """SELECT doc_id, title, source, start, end, section, sentences, passages.text
                   FROM passages JOIN documents ON document = documents.row WHERE passages.row = ?"""
        doc_id, title, source, start, end, section, spans, text = self._rows(query, row)[0]
        sentences = tuple((int(a), int(b)) for a, b in json.loads(spans))
        return Passage(doc_id, start, end, section, sentences), text, title, source

    def _hit(self, pool: Pool, i: int, score: float, rank: int) -> Hit:
        row = int(pool.rows[i])
        passage, text, title, source = self.passage(row)
        why = {name: round(float(getattr(pool, name)[i]), 4) for name in ("dense", "sentence", "lexical")}
        return Hit(passage, text, title, source, round(score, 6), rank, why, row)

    def _dense(self, vector: NDArray[np.float32], depth: int) -> NDArray[np.int64]:
        if vector.shape != (self.manifest["encoder"]["dim"],):
            raise ValueError(
                f"expected a vector of {self.manifest['encoder']['dim']} numbers, got shape {vector.shape}"
            )
        # FAISS returns equal scores in no fixed order: look deeper, then keep the earlier rows
        found = self._faiss.search(vector[None], min(2 * depth, len(self)))[1][0]
        rows = np.sort(found[found >= 0]).astype(np.int64)  # FAISS pads with -1
        order = np.argsort(-_cosines(self._passages[rows], vector), kind="stable")[:depth]
        return rows[order]

    def _best_sentence(self, rows: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[np.float32]:
        starts, stops = self._offsets[rows], self._offsets[rows + 1]
        lengths = stops - starts
        bounds = np.concatenate(([0], np.cumsum(lengths)))[:-1]
        inside = np.arange(int(lengths.sum())) - np.repeat(bounds, lengths) + np.repeat(starts, lengths)
        cosines = _cosines(self._sentences[inside].astype(np.float32), vector)  # (sentences of the pool,)
        return (
            np.maximum.reduceat(cosines, bounds).astype(np.float32) if len(rows) else np.zeros(0, np.float32)
        )

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(query, values).fetchall()


def _cosines(rows: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, dim) unit rows and (dim,) -> (n,). Equal rows score equal, which BLAS does not promise."""
    return np.asarray(np.einsum("nd,d->n", rows, vector), np.float32)


def _best(scores: NDArray[np.float32], depth: int) -> NDArray[np.int64]:
    """Rows of the `depth` highest positive scores; at the boundary the earlier rows win."""
    candidates = np.flatnonzero(scores > 0)
    if len(candidates) > depth:
        boundary = np.partition(scores[candidates], -depth)[-depth]
        candidates = candidates[scores[candidates] >= boundary]
        candidates = candidates[np.argsort(-scores[candidates], kind="stable")[:depth]]
    return np.sort(candidates)


# The folder ---------------------------------------------------------------------------------


def current_generation(folder: Path) -> str:
    """Name of the live generation. Raises IndexMissing."""
    try:
        return (folder / "CURRENT").read_text("utf-8").strip()
    except OSError as error:
        raise IndexMissing(f"no index in {folder}; run scripts/rebuild_index.py") from error


def read_manifest(folder: Path, generation: str) -> dict[str, Any]:
    path = folder / generation / "manifest.json"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise IndexBroken(f"{path} is missing or damaged; run scripts/rebuild_index.py --force") from error
    if manifest.get("format") != FORMAT:
        raise IndexBroken(
            f"{path} has format {manifest.get('format')}, this program reads {FORMAT};"
            " run scripts/rebuild_index.py --force"
        )
    return manifest


def _check_encoder(manifest: dict[str, Any], encoder: Encoder, folder: Path) -> None:
    ours, theirs = encoder.identity, manifest["encoder"]
    if ours != theirs:
        changed = ", ".join(
            f"{key} {theirs.get(key)!r} ≠ {ours[key]!r}" for key in ours if ours[key] != theirs.get(key)
        )
        raise IndexMismatch(
            f"the index in {folder} was built by another encoder ({changed}); run scripts/rebuild_index.py"
            f" with the same --model, or name the index's own model with --model {theirs.get('name')}"
        )


def _check_files(folder: Path, manifest: dict[str, Any], *, all_hashes: bool = False) -> None:
    checksums = manifest["files"]
    thorough = all_hashes or sum(entry["bytes"] for entry in checksums.values()) <= _HASHED_BYTES
    for name, entry in checksums.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else -1
        if size != entry["bytes"] or (thorough and _file_hash(path) != entry["sha256"]):
            state = "is missing" if size < 0 else "is not as it was written"
            raise IndexBroken(f"{path} {state}; run scripts/rebuild_index.py --force")


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open_read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )


# Building -----------------------------------------------------------------------------------


def stale(corpus: Path, folder: Path, encoder: Encoder) -> str:
    """Why the index does not fit the corpus as it is now, or "" when it does."""
    try:
        manifest = read_manifest(folder, current_generation(folder))
        _check_encoder(manifest, encoder, folder)
        _check_files(folder / current_generation(folder), manifest, all_hashes=True)
    except (IndexMissing, IndexBroken, IndexMismatch) as error:
        return str(error)
    files = _hash_files(corpus, corpus_files(corpus, skip=folder))
    return _difference(manifest["corpus"], files)


def build_index(
    corpus: Path, folder: Path, encoder: Encoder, *, force: bool = False, progress: Progress | None = None
) -> BuildReport:
    """Bring the index in `folder` up to the corpus; passages that have not changed keep their vectors.

    Nothing changed: nothing is written. `force` embeds everything anew. Raises CorpusMissing for
    nothing to index, CorpusError for a broken file, IndexBusy beside another build; then and at any
    crash the generation that was live stays so.
    """
    started = time.perf_counter()
    tell = progress or (lambda _stage, _done, _total: None)
    if not force and not stale(corpus, folder, encoder):
        return _unchanged(folder, started)
    with _only_build(folder):
        _sweep(folder)
        files = corpus_files(corpus, skip=folder)
        hashes = _hash_files(corpus, files)
        source = _read_source(corpus, files, encoder, tell)
        old = None if force else _reusable(folder, encoder)
        work = folder / f"building-{os.getpid()}"
        try:
            work.mkdir()
            embedded, reused, removed = _write(work, corpus, source, hashes, encoder, old, tell)
            generation = _publish(folder, work, encoder)
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error  # NumPy and SQLite give no strerror
            raise IndexReadOnly(
                f"{folder} cannot be written ({reason}); the index before stays in use"
            ) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
        _sweep(folder, keep=old.generation if old else None)
    warnings = [*source.warnings]
    if _hash_files(corpus, corpus_files(corpus, skip=folder)) != hashes:
        warnings.append(f"{corpus} changed during the build; run scripts/rebuild_index.py again")
    return BuildReport(
        len(source.documents),
        len(source.passages),
        embedded,
        reused,
        removed,
        time.perf_counter() - started,
        tuple(source.unread),
        tuple(warnings),
        generation,
    )


@dataclass
class _Source:
    """What a corpus holds, read once."""

    documents: list[Document] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    document_of: list[int] = field(default_factory=list)  # per passage: position in `documents`
    unread: list[UnreadFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    long_headers: set[str] = field(default_factory=set)  # above HEADER_PIECES: left out of the vector

    def text(self, number: int) -> str:
        passage = self.passages[number]
        return self.documents[self.document_of[number]].text[passage.start : passage.end]

    def header(self, number: int) -> str:
        return header_of(self.documents[self.document_of[number]].title, self.passages[number].section)

    def embedded(self, number: int) -> str:
        """What the encoder reads of a passage: title and headings give it context.

        nDCG@10 with and without, up to 600 queries: clapnq .984, .979; cranfield .418, .397; squad2 .931, .933.
        """
        header = self.header(number)
        fits = header and header not in self.long_headers
        return f"{header}. {self.text(number)}" if fits else self.text(number)

    def sentences(self, number: int) -> list[str]:
        text = self.documents[self.document_of[number]].text
        return [text[start:end] for start, end in self.passages[number].sentences]

    def key(self, number: int) -> str:
        """Equal for passages whose vectors are equal."""
        start = self.passages[number].start
        spans = [(a - start, b - start) for a, b in self.passages[number].sentences]
        content = json.dumps([self.header(number), self.text(number), spans], ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()


def _read_source(corpus: Path, files: Sequence[Path], encoder: Encoder, tell: Progress) -> _Source:
    source = _Source()
    most = min(MAX_PIECES, encoder.max_pieces) - HEADER_PIECES - 2  # [CLS] and [SEP]
    for item in read_documents(corpus, files):
        if isinstance(item, UnreadFile):
            source.unread.append(item)
            continue
        passages, warnings = split_document(item, encoder.count_pieces, most)
        source.document_of += [len(source.documents)] * len(passages)
        source.documents.append(item)
        source.passages += passages
        source.warnings += warnings
        tell("reading", len(source.documents), 0)
    headers = list({f"{source.header(number)}." for number in range(len(source.passages))})
    sizes = encoder.count_pieces(headers)
    source.long_headers = {h[:-1] for h, size in zip(headers, sizes, strict=True) if size > HEADER_PIECES}
    if not source.passages:
        listed = "; ".join(f"{item.path} {item.reason}" for item in source.unread[:5])
        raise CorpusMissing(
            f"nothing to index in {corpus}: no readable document"
            + (f" ({listed})" if listed else "")
            + "; put .md, .txt or .jsonl files there"
        )
    return source


def _reusable(folder: Path, encoder: Encoder) -> PassageIndex | None:
    try:
        return PassageIndex.open(folder, encoder)
    except (IndexMissing, IndexBroken, IndexMismatch):
        return None


def _write(
    work: Path,
    corpus: Path,
    source: _Source,
    hashes: dict[str, str],
    encoder: Encoder,
    old: PassageIndex | None,
    tell: Progress,
) -> tuple[int, int, int]:
    """Every file of a generation into `work`; how many passages were embedded, reused, removed."""
    keys = [source.key(number) for number in range(len(source.passages))]
    old_rows = {} if old is None else {key: row for row, key in old._rows("SELECT row, key FROM passages")}
    offsets = np.concatenate(([0], np.cumsum([len(p.sentences) for p in source.passages]))).astype(np.int64)
    vectors = np.empty((len(keys), encoder.dim), np.float32)
    sentence_vectors = np.empty((int(offsets[-1]), encoder.dim), np.float16)
    fresh = [number for number, key in enumerate(keys) if key not in old_rows]
    for number, key in enumerate(keys):
        if old is not None and key in old_rows:
            vectors[number] = old._passages[old_rows[key]]
            sentence_vectors[offsets[number] : offsets[number + 1]] = old.sentence_vectors(old_rows[key])
    _embed(source, fresh, offsets, encoder, vectors, sentence_vectors, tell)
    tell("writing", 0, 0)
    np.save(work / "passage_vectors.npy", vectors, allow_pickle=False)
    np.save(work / "sentence_vectors.npy", sentence_vectors, allow_pickle=False)
    np.save(work / "sentence_offsets.npy", offsets, allow_pickle=False)
    flat = faiss.IndexFlatIP(encoder.dim)
    flat.add(vectors)
    faiss.write_index(flat, str(work / "passages.faiss"))
    _write_bm25(work / "bm25", source)
    _write_sqlite(work / "passages.sqlite", source, keys, _corpus_questions(corpus))
    _write_manifest(work, source, hashes, encoder, len(sentence_vectors))
    removed = len(set(old_rows) - set(keys))
    return len(fresh), len(keys) - len(fresh), removed


def _embed(
    source: _Source,
    numbers: Sequence[int],
    offsets: NDArray[np.int64],
    encoder: Encoder,
    vectors: Vectors,
    sentence_vectors: NDArray[np.float16],
    tell: Progress,
) -> None:
    """Fill in the vectors of the passages in `numbers`; a text that occurs twice is encoded once."""
    places: dict[str, list[tuple[int, int]]] = {}  # text -> (0, passage) and (1, sentence row)
    for number in numbers:
        places.setdefault(source.embedded(number), []).append((0, number))
        for row, sentence in enumerate(source.sentences(number), int(offsets[number])):
            places.setdefault(sentence, []).append((1, row))
    texts = list(places)
    tell("embedding", 0, len(texts))
    encoded = encoder.encode_passages(texts, lambda done, total: tell("embedding", done, total))
    for text, vector in zip(texts, encoded, strict=True):
        for kind, row in places[text]:
            (sentence_vectors if kind else vectors)[row] = vector


def _write_bm25(folder: Path, source: _Source) -> None:
    bm25 = bm25s.BM25(k1=BM25_K1, b=BM25_B, method="lucene")
    tokens = [stems(source.header(i)) + stems(source.text(i)) for i in range(len(source.passages))]
    if not any(tokens):
        tokens[0] = [""]  # bm25s cannot index nothing at all
    bm25.index(tokens, show_progress=False)
    bm25.save(folder, show_progress=False)


_SCHEMA = """
CREATE TABLE documents (row INTEGER PRIMARY KEY, doc_id TEXT UNIQUE, title TEXT, source TEXT, sha256 TEXT, text TEXT);
CREATE TABLE passages (row INTEGER PRIMARY KEY, document INTEGER, start INTEGER, end INTEGER, section TEXT,
                       sentences TEXT, key TEXT, text TEXT);
CREATE TABLE questions (row INTEGER PRIMARY KEY, text TEXT, doc_ids TEXT);
CREATE INDEX passages_of_document ON passages (document);
"""


def _write_sqlite(
    path: Path, source: _Source, keys: Sequence[str], questions: list[tuple[str, list[str]]]
) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        db.executemany(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)",
            ((row, d.doc_id, d.title, d.source, d.sha256, d.text) for row, d in enumerate(source.documents)),
        )
        db.executemany(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    row,
                    source.document_of[row],
                    p.start,
                    p.end,
                    p.section,
                    json.dumps(p.sentences),
                    key,
                    source.text(row),
                )
                for row, (p, key) in enumerate(zip(source.passages, keys, strict=True))
            ),
        )
        db.executemany(
            "INSERT INTO questions VALUES (?, ?, ?)",
            ((row, text, json.dumps(ids)) for row, (text, ids) in enumerate(questions)),
        )
        db.commit()


def _corpus_questions(corpus: Path) -> list[tuple[str, list[str]]]:
    """Answerable stand-alone questions of the corpus' dev split, for the page to suggest."""
    if not (corpus / "qrels" / "dev.tsv").is_file():
        return []
    queries, qrels = read_queries(corpus), read_qrels(corpus, "dev")
    return [
        (query.text, [doc_id for doc_id, relevance in qrels[query.query_id].items() if relevance > 0])
        for query in queries.values()
        if query.query_id in qrels and query.answerable and not query.history
    ]


def _write_manifest(
    work: Path, source: _Source, hashes: dict[str, str], encoder: Encoder, sentences: int
) -> None:
    names = sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())
    manifest = {
        "format": FORMAT,
        "encoder": encoder.identity,
        "faiss": "Flat",
        "documents": len(source.documents),
        "passages": len(source.passages),
        "sentences": sentences,
        "corpus": hashes,
        "unread_files": [asdict(item) for item in source.unread],
        "warnings": source.warnings,
        "files": {
            name: {"bytes": (work / name).stat().st_size, "sha256": _file_hash(work / name)} for name in names
        },
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("sentence-transformers", "transformers", "torch", "faiss-cpu", "bm25s", "numpy")
        },
    }
    (work / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8")


def _publish(folder: Path, work: Path, encoder: Encoder) -> str:
    """Check the generation in `work`, give it its name, make it the live one."""
    built = PassageIndex(folder, work.name, encoder)
    _find_itself(built)
    built._db.close()
    del built
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    digest = _file_hash(work / "manifest.json")[:8]
    generation = f"{stamp}-{digest}"
    work.rename(folder / generation)
    pointer = folder / f"CURRENT.{os.getpid()}"
    with pointer.open("w", encoding="utf-8") as file:
        file.write(generation + "\n")
        file.flush()
        os.fsync(file.fileno())
    pointer.replace(folder / "CURRENT")
    return generation


def _find_itself(index: PassageIndex) -> None:
    """A sample of passages must be nearest to themselves, and the counts must agree."""
    count = len(index)
    if not index._faiss.ntotal == count == len(index._passages) == len(index._offsets) - 1:
        raise IndexBroken(
            "the new index has parts of unequal length; nothing was changed, please build again"
        )
    for row in range(0, count, max(1, count // 16)):
        vector = np.asarray(index._passages[row])
        best = float(index._faiss.search(vector[None], 1)[0][0, 0])
        if not abs(best - float(vector @ vector)) <= 1e-3:  # so that NaN fails too
            raise IndexBroken(
                "the new index does not find its own passages; nothing was changed, please build again"
            )


def _unchanged(folder: Path, started: float) -> BuildReport:
    generation = current_generation(folder)
    manifest = read_manifest(folder, generation)
    return BuildReport(
        manifest["documents"],
        manifest["passages"],
        0,
        manifest["passages"],
        0,
        time.perf_counter() - started,
        tuple(UnreadFile(**item) for item in manifest["unread_files"]),
        tuple(manifest["warnings"]),
        generation,
    )


def _hash_files(corpus: Path, files: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of every file of the corpus and of its questions, by its path below the corpus."""
    extra = [corpus / "queries.jsonl", corpus / "qrels" / "dev.tsv"]
    hashes: dict[str, str] = {}
    for path in [*files, *(path for path in extra if path.is_file())]:
        try:
            hashes[path.relative_to(corpus).as_posix()] = _file_hash(path)
        except OSError:
            hashes[path.relative_to(corpus).as_posix()] = "unreadable"
    return hashes


def _difference(before: dict[str, str], now: dict[str, str]) -> str:
    parts = {
        "new": now.keys() - before.keys(),
        "gone": before.keys() - now.keys(),
        "changed": {name for name in now.keys() & before.keys() if now[name] != before[name]},
    }
    told = [
        f"{len(names)} {state} ({min(names)}{', …' if len(names) > 1 else ''})"
        for state, names in parts.items()
        if names
    ]
    return "files of the corpus: " + ", ".join(told) if told else ""


@contextmanager
def _only_build(folder: Path) -> Iterator[None]:
    """One build at a time; the lock goes with the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise IndexBusy(f"another build is at work in {folder}; wait for it, or stop it") from error
    except OSError as error:
        raise IndexReadOnly(
            f"{folder} cannot be written ({error.strerror}); name another folder with --index"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _sweep(folder: Path, keep: str | None = None) -> None:
    """Remove unfinished builds, their pointers, and generations other than the live one and `keep`."""
    try:
        live = current_generation(folder)
    except IndexMissing:
        live = ""
    for pointer in folder.glob("CURRENT.*"):
        pointer.unlink(missing_ok=True)
    for path in folder.iterdir():
        unfinished = path.name.startswith("building-")
        if (
            path.is_dir()
            and (unfinished or (path / "manifest.json").is_file())
            and path.name not in {live, keep}
        ):
            shutil.rmtree(path, ignore_errors=True)
