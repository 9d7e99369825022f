"""The passage index: FAISS for meaning, BM25 for words, SQLite for text; the only module that imports faiss.

On disk. `folder/CURRENT` names the live generation, `folder/<generation>/` holds

    manifest.json          format, encoder, kind of FAISS index, counts, fingerprint of the corpus, checksums, versions
    passages.sqlite        documents, passages with their sentences, questions to suggest: people's, or
                           made from the documents where no person's can be shown; words, to put misspelt ones right
    passages.faiss         inner-product index of the passage vectors: exact, or above EXACT_UP_TO passages
                           inverted lists of 8-bit codes, which only nominate candidates
    passage_vectors.npy    (passages, dim) float32, unit rows
    sentence_vectors.npy   (sentences, dim) float16, unit rows, in the order of passages
    sentence_offsets.npy   (passages + 1,) int64: sentences of passage i are rows offsets[i]:offsets[i+1]
    token_signs.u8         (tokens, manifest["token_bytes"]) uint8, in the order of passages: of each word piece that
                           the encoder reads a bit for each number of its vector, set where that is above 0
    token_offsets.npy      (passages + 1,) int64, likewise
    bm25/                  as bm25s saves it

A build writes a folder of its own, checks it, renames it and at last replaces CURRENT: whenever it
is stopped, the old generation stays whole and live. Its vectors are reused; questions are made anew each time,
from the documents that were read. What a stopped build has embedded waits in `folder/embedding-<encoder>/`
for the next one.

Size. Vectors, FAISS and BM25 are memory-mapped and SQLite reads what is asked for, so opening reads little
but the vocabulary. Every cosine of a pool is computed from the full vectors, whatever FAISS holds.

Ranking. The pool is the union of the best passages by cosine and by BM25. `ours` is a convex combination of three
parts, as they are (Bruch, Gai & Ingber, ACM TOIS 2023, with theoretical bounds): unlike parts stretched over the
pool, words then count little where no passage has many of the question's.

meaning   the mean cosine of the passage and of its best view: the passage again or, if it is nearer, one of its
          sentences (a passage on several things is found by one of them; a question that only the title repeats,
          by the whole)
words     the share that its BM25 has of the most that any passage could get for the question
tokens    late interaction (Khattab & Zaharia, "ColBERT", SIGIR 2020) with the encoder as it is: for each token of
          the question the nearest token of the passage, a rarer word counting more. Of a passage's token only the
          signs are kept, 48 bytes instead of 1,536. It is computed for the COMPARED best by the other two parts.

Then each score is drawn towards those of the most similar candidates, for passages that are alike tend to be
relevant alike (Diaz, "Regularizing ad hoc retrieval scores", CIKM 2005). `rrf` is reciprocal rank fusion with
k = 60 and ranks from 1 (Cormack, Clarke & Büttcher, SIGIR 2009).

Tried, change of nDCG@10, mean of nine public sets (see the README), from meaning and BM25 each stretched over the
pool (min-max, .8 and .2), which had .818:

    parts as they are +.004, drawn by the similar +.002, both +.0065, with tokens +.014 (what is here, .832)
    Rocchio with the 3, 5 or 10 best, β of .2 to .8: +.001 to −.003; on top of "both": 0
    weights that depend on the query (coverage, margins, overlap of the lists): up to +.001, more on the sets that
    they were chosen on; powers of the cosines, standard scores, softmax mixtures: no better
    BM25's k1 from .05 to 1.2 and b from 0 to .75: .9 and .75 within .001 of the best; neighbouring words +.0005,
    words of title and headings +.0001, as further parts with fitted weights

and of the signs of tokens, nDCG@10 on our 103 questions of dev by tokens alone: all 384 numbers .807; their signs
.803, after a random rotation .805; 64 principal components of 4 bits .799, 32 of 8 .748; product quantisation to
32 bytes .798, 48 .806. Weights were chosen on our dev and fit questions, squad2, clapnq and cranfield; among equally
good ones the lower for words, with stackfaq in view, whose questions repeat no words.

A search of chosen documents (`only`) compares the passages of these alone, so that its pool is as deep as
any; how rare a word is (BM25's idf) stays that of the whole corpus.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import math
import mmap
import os
import re
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import bm25s
import faiss
import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from chatbot.corpus import (
    MAX_PIECES,
    READING,
    SPLITTING,
    Document,
    Passage,
    UnreadFile,
    corpus_files,
    header_of,
    printable,
    read_documents,
    read_qrels,
    read_queries,
    split_document,
)
from chatbot.encoder import EncodedQuery, Encoder, Identified, Signs, Vectors
from chatbot.errors import (
    CorpusMissing,
    IndexBroken,
    IndexBusy,
    IndexMismatch,
    IndexMissing,
    IndexReadOnly,
    QuestionError,
)
from chatbot.starting import presentable, suggest_questions
from chatbot.terms import plain_words, stem_words, stems, terms
from chatbot.writing import count, file_hash, write_at_once

FORMAT = 4  # raised when an older index can no longer be read, or would be built otherwise today
METHODS = ("dense", "bm25", "rrf", "ours")
PARTS = ("dense", "sentence", "lexical", "tokens", "similar")  # of a score
NAMED = 5  # unknown documents in a message
MOST_MADE = 300  # questions made from the documents; trying all takes minutes in the background
POOL = 100  # best passages taken from each of the two searches
RRF_K = 60
MEANING_WEIGHT, WORDS_WEIGHT, TOKENS_WEIGHT = 2 / 6, 1 / 6, 3 / 6
COMPARED = 100  # best candidates by meaning and words whose tokens are compared with the question's
PLAIN = 0.5  # weight of a question's token that is no content word; one of idf 1 has 1
SIMILAR, PULL = 5, 0.5  # candidates that draw a score, and how much one of cosine 1 does if all were so
BM25_K1, BM25_B = 0.9, 0.75
SHORTEST_WORD, LONGEST_WORD = 4, 40  # letters of the words that are kept for misspelt ones
HEADER_PIECES = 40  # word pieces of title and headings that may go before a passage
EXACT_UP_TO = 100_000  # passages that FAISS compares one by one, in 6 ms (384 numbers each, one thread)
CHOSEN_UP_TO = 10_000  # passages of chosen documents compared without FAISS, in 2 ms; above, FAISS is faster
NEAREST, NEAREST_FOUND = 10, 0.99  # this share of a question's nearest passages is to be in the pool
TUNING_QUESTIONS = 256
SHARD = 4096  # texts embedded between two writes: what a killed build loses at most
_HASHED_BYTES = 256 << 20  # files of an index up to this size together are checksummed when it is opened
_RELEASE_AFTER = 16  # searches after which mapped vectors no longer count as this process's memory
_AT_ONCE = 512  # tokens whose signs are unpacked at a time: they stay in the cache, three times as fast
_THREADS = faiss.omp_get_max_threads()  # OMP_NUM_THREADS, or what the machine has
_STORE = "passages.sqlite"
# folders that a build makes; others in the folder of the index are people's own, whatever they hold
_OURS = re.compile(r"building-\d+|embedding-[0-9a-f]{16}|\d{8}T\d{12}-[0-9a-f]{8}")
_POINTER = re.compile(r"CURRENT\.\d+")
_JUST_WRITTEN = 2.0  # seconds in which a file can change without a change of its time

Progress = Callable[[str, int, int], None]  # stage, done, total
PassageVectors = tuple[NDArray[np.float32], Vectors, Signs]  # of a passage, its sentences, its tokens
Rows = NDArray[np.int64]  # of passages, ascending


@dataclass(frozen=True)
class Hit:
    """`why` holds the parts of the score: dense, sentence, tokens (cosines), lexical (BM25), similar."""

    passage: Passage
    text: str = field(repr=False)
    title: str
    source: str
    score: float
    rank: int
    why: dict[str, float]
    row: int = -1


@dataclass(frozen=True)
class Question:
    """A question to suggest and the documents that answer it.

    `section`: headings of what a program made it from, which is to answer it; None for a person's question.
    """

    text: str
    documents: tuple[str, ...]
    section: str | None = None


@dataclass(frozen=True)
class Pool:
    """Candidates of one query in corpus order; every array has one entry a candidate."""

    rows: NDArray[np.int64]
    dense: NDArray[np.float32]
    sentence: NDArray[np.float32]
    lexical: NDArray[np.float32]
    in_dense: NDArray[np.bool_]  # found by the dense search itself
    in_lexical: NDArray[np.bool_]
    most_lexical: float  # BM25 that a passage comes near to when it says little but the query
    compared: NDArray[np.int64]  # positions of the candidates whose tokens were compared, ascending
    token_cosines: NDArray[np.float32]  # (compared,)
    cosines: NDArray[np.float32]  # (compared, compared) of their passages with each other

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
            return self._own + self.similar
        raise ValueError(f"no method {method!r}; there are {', '.join(METHODS)}")

    @cached_property
    def tokens(self) -> NDArray[np.float64]:
        """What the tokens of a candidate say; 0 where they were not compared."""
        tokens = np.zeros(len(self.rows))
        tokens[self.compared] = self.token_cosines
        return tokens

    @cached_property
    def _own(self) -> NDArray[np.float64]:
        """What a candidate scores by itself, at most 1."""
        first = first_score(self.dense, self.sentence, self.lexical, self.most_lexical)
        return np.asarray(first + TOKENS_WEIGHT * self.tokens, np.float64)

    @cached_property
    def similar(self) -> NDArray[np.float64]:
        """What the most similar candidates add to a score, below 0 where they score less: their mean difference,
        weighted by cosine²; 0 where tokens were not compared."""
        others = np.maximum(self.cosines, 0.0).astype(np.float64)
        np.fill_diagonal(others, -1.0)
        nearest = np.argsort(-others, axis=1, kind="stable")[:, : max(0, min(SIMILAR, len(others) - 1))]
        weights = np.take_along_axis(others, nearest, axis=1) ** 2
        own = self._own[self.compared]
        similar = np.zeros(len(self.rows))
        similar[self.compared] = PULL / SIMILAR * (weights * (own[nearest] - own[:, None])).sum(axis=1)
        return similar

    @staticmethod
    def _reciprocal(scores: NDArray[np.float32], found: NDArray[np.bool_]) -> NDArray[np.float64]:
        ranks = np.empty(len(scores))
        ranks[np.argsort(-np.where(found, scores, -np.inf), kind="stable")] = np.arange(1, len(scores) + 1)
        return np.where(found, 1 / (RRF_K + ranks), 0.0)


def first_score(
    dense: NDArray[np.float32], sentence: NDArray[np.float32], lexical: NDArray[np.float32], most: float
) -> NDArray[np.float64]:
    """What meaning and words give a candidate; `most` is what no BM25 of the query reaches."""
    meaning = (dense.astype(np.float64) + np.maximum(dense, sentence)) / 2
    words = lexical.astype(np.float64) / most if most else np.zeros(len(lexical))
    return np.asarray(MEANING_WEIGHT * meaning + WORDS_WEIGHT * words, np.float64)


@dataclass(frozen=True)
class BuildReport:
    documents: int
    passages: int
    embedded: int  # passages
    reused: int  # passages whose vectors came from the generation before or from a build that was stopped
    removed: int  # passages of the generation before that are gone
    seconds: float
    unread: tuple[UnreadFile, ...]
    warnings: tuple[str, ...]
    generation: str

    def __str__(self) -> str:
        return (
            f"{count(self.documents, 'document')}, {count(self.passages, 'passage')}: {self.embedded:,} embedded,"
            f" {self.reused:,} reused, {self.removed:,} removed in {self.seconds:.1f} s"
        )


# Searching ----------------------------------------------------------------------------------


class PassageStore:
    """The documents and passages of one generation, read-only; safe to use from several threads.

    Neither a model nor vectors are needed for them.
    """

    def __init__(self, folder: Path, generation: str) -> None:
        self.generation = generation
        self._folder = folder / generation
        self.manifest = read_manifest(folder, generation)
        _check_files(self._folder, self.manifest, [_STORE])
        self._db = _open_read_only(self._folder / _STORE)
        self._lock = threading.Lock()

    def doc_id(self, row: int) -> str:
        """The document of a passage row."""
        query = (
            "SELECT doc_id FROM passages JOIN documents ON document = documents.row WHERE passages.row = ?"
        )
        return str(self._rows(query, int(row))[0][0])

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

    def questions(self) -> list[Question]:
        """Those that came with the corpus, then those made from its documents."""
        return [
            Question(text, tuple(json.loads(ids)), section)
            for text, ids, section in self._rows("SELECT text, doc_ids, section FROM questions ORDER BY row")
        ]

    def passage(self, row: int) -> tuple[Passage, str, str, str]:
        """Passage, its text, and the title and source of its document."""
        query = """SELECT doc_id, title, source, start, end, section, sentences, passages.text
                   FROM passages JOIN documents ON document = documents.row WHERE passages.row = ?"""
        doc_id, title, source, start, end, section, spans, text = self._rows(query, row)[0]
        sentences = tuple((int(a), int(b)) for a, b in json.loads(spans))
        return Passage(doc_id, start, end, section, sentences), text, title, source

    def passages_of(self, doc_id: str) -> list[Passage]:
        """The passages of a document, in order; none if there is no such document."""
        rows = self._rows(
            "SELECT start, end, section, sentences FROM passages JOIN documents"
            " ON documents.row = document WHERE doc_id = ? ORDER BY passages.row",
            doc_id,
        )
        return [
            Passage(doc_id, start, end, section, tuple((a, b) for a, b in json.loads(sentences)))
            for start, end, section, sentences in rows
        ]

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(query, values).fetchall()


class PassageIndex(PassageStore):
    """One generation with what searches it."""

    def __init__(self, folder: Path, generation: str, encoder: Encoder) -> None:
        super().__init__(folder, generation)
        self.encoder = encoder
        _check_encoder(self.manifest, encoder, folder)
        _check_files(self._folder, self.manifest, self.manifest["files"].keys() - {_STORE})
        try:
            self._faiss = _read_faiss(self._folder / "passages.faiss", self.manifest)
            self._passages = _map_array(self._folder / "passage_vectors.npy")
            self._sentences = _map_array(self._folder / "sentence_vectors.npy")
            self._offsets = _map_array(self._folder / "sentence_offsets.npy")
            self._token_offsets = _map_array(self._folder / "token_offsets.npy")
            shape = int(self._token_offsets[-1]), int(self.manifest["token_bytes"])
            self._tokens = _map_bytes(self._folder / "token_signs.u8", shape)
            self._bm25 = bm25s.BM25.load(self._folder / "bm25", mmap=True, show_progress=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise IndexBroken(
                f"{self._folder} cannot be read ({error}); run scripts/rebuild_index.py --force"
            ) from error
        self._searches = 0

    @classmethod
    def open(cls, folder: Path, encoder: Encoder) -> PassageIndex:
        """The live generation. Raises IndexMissing, IndexBroken or IndexMismatch."""
        return cls(folder, current_generation(folder), encoder)

    def __len__(self) -> int:
        return len(self._passages)

    def search(
        self, question: str, k: int = 10, method: str = "ours", only: frozenset[str] | None = None
    ) -> list[Hit]:
        """The k best passages, best first; fewer when fewer are found. Equal scores keep corpus order.

        `only` names the documents to search, all if there are none in it; QuestionError for an unknown one.
        """
        return self.hits(self.pool(question, max(POOL, k), only), k, method)

    def hits(self, pool: Pool, k: int, method: str = "ours") -> list[Hit]:
        scores = pool.scores(method)
        best = [i for i in np.argsort(-scores, kind="stable")[:k] if scores[i] > -np.inf]
        return [self._hit(pool, int(i), float(scores[i]), rank) for rank, i in enumerate(best, 1)]

    def pool(self, question: str, depth: int = POOL, only: frozenset[str] | None = None) -> Pool:
        """The best `depth` passages by cosine together with the best `depth` by BM25."""
        return self.pool_of(self.encoder.encode_query(question), question, depth, only)

    def pool_of(
        self,
        encoded: EncodedQuery,
        question: str,
        depth: int = POOL,
        only: frozenset[str] | None = None,
    ) -> Pool:
        """As `pool`, for a question that has been encoded already."""
        within = self.rows_of(only) if only else None
        nearest = self.nearest(encoded.vector, depth, within)
        return self.gather(encoded, question, nearest, *self.matching(question, depth, within))

    def nearest(
        self, vector: NDArray[np.float32], depth: int, within: Rows | None = None
    ) -> NDArray[np.int64]:
        """Rows of the best `depth` passages by cosine, best first."""
        if vector.shape != (self.manifest["encoder"]["dim"],):
            raise ValueError(
                f"expected a vector of {self.manifest['encoder']['dim']} numbers, got shape {vector.shape}"
            )
        if within is not None and len(within) <= CHOSEN_UP_TO:
            rows = within
        else:  # FAISS returns equal scores in no fixed order: look deeper, then keep the earlier rows
            rows = self._nominate(vector, min(2 * depth, len(self)), within)
        order = np.argsort(-_cosines(self._passages[rows], vector), kind="stable")[:depth]
        return rows[order]

    def _nominate(self, vector: NDArray[np.float32], count: int, within: Rows | None) -> Rows:
        """Rows of the best `count` passages as FAISS has them."""
        # holds for the calling thread alone
        faiss.omp_set_num_threads(min(self.manifest.get("threads", 1), _THREADS))
        chosen = None if within is None else self._selection(within)
        found = self._faiss.search(vector[None], count, params=chosen)[1][0]
        return np.sort(found[found >= 0]).astype(np.int64)  # FAISS pads with -1

    def _selection(self, within: Rows) -> Any:
        """FAISS' parameters for a search of these rows, which looks at as many of them as one of all does."""
        chosen = np.zeros(len(self), np.bool_)
        chosen[within] = True
        library: Any = faiss  # its types know no arguments by name
        selector = library.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))
        if "probes" not in self.manifest:
            return library.SearchParameters(sel=selector)
        probes = math.ceil(self.manifest["probes"] * len(self) / len(within))
        return library.SearchParametersIVF(sel=selector, nprobe=min(probes, self._faiss.nlist))

    def matching(
        self, question: str, depth: int, within: Rows | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows of the best `depth` passages by BM25, ascending; and BM25 of every passage."""
        scores = self.lexical_scores(stems(question))  # (passages,)
        if within is not None:
            return within[_best(scores[within], depth)], scores
        return _best(scores, depth), scores

    def gather(
        self,
        encoded: EncodedQuery,
        question: str,
        nearest: NDArray[np.int64],
        matching: NDArray[np.int64],
        scores: NDArray[np.float32],
    ) -> Pool:
        """The candidates of both searches, each with every part of its score."""
        rows = np.union1d(nearest, matching)
        vectors = np.asarray(self._passages[rows])
        dense, sentence = _cosines(vectors, encoded.vector), self._best_sentence(rows, encoded.vector)
        most = self.most_lexical(stems(question))
        first = first_score(dense, sentence, scores[rows], most)
        compared = np.sort(np.argsort(-first, kind="stable")[:COMPARED])
        pool = Pool(
            rows,
            dense,
            sentence,
            scores[rows],
            np.isin(rows, nearest),
            np.isin(rows, matching),
            most,
            compared,
            self._token_cosines(rows[compared], encoded, question),
            # so that equal rows have equal cosines, which BLAS does not promise
            np.round(vectors[compared] @ vectors[compared].T, 4),
        )
        self._release()
        return pool

    def lexical_scores(self, query_stems: Sequence[str]) -> NDArray[np.float32]:
        """BM25 of every passage."""
        known = [stem for stem in query_stems if stem in self._bm25.vocab_dict]
        if not known:
            return np.zeros(len(self), np.float32)
        return np.asarray(self._bm25.get_scores(known), np.float32)

    def most_lexical(self, query_stems: Sequence[str]) -> float:
        """What BM25 of these stems comes near to but never reaches; those that the corpus lacks count as well."""
        return sum(map(self.idf, query_stems))

    def idf(self, stem: str) -> float:
        """Inverse document frequency over passages, never negative (Lucene's form of BM25's)."""
        frequency = self.document_frequency(stem)
        return math.log(1 + (len(self) - frequency + 0.5) / (frequency + 0.5))

    def sentence_vectors(self, row: int) -> Vectors:
        """(sentences, dim) unit rows of a passage's sentences."""
        return np.asarray(self._sentences[self._offsets[row] : self._offsets[row + 1]], np.float32)

    def token_signs(self, row: int) -> Signs:
        return np.asarray(self._tokens[self._token_offsets[row] : self._token_offsets[row + 1]])

    def document_frequency(self, stem: str, within: Rows | None = None) -> int:
        """In how many passages the stem occurs."""
        number = self._bm25.vocab_dict.get(stem)
        if number is None:
            return 0
        begin, end = self._bm25.scores["indptr"][number : number + 2]
        if within is None:
            return int(end - begin)
        return int(np.isin(self._bm25.scores["indices"][begin:end], within).sum())

    def has_word(self, word: str) -> bool:
        """Whether the word, which is folded, or another form of it occurs."""
        return self.document_frequency(stem_words([word])[0]) > 0

    def words_from(self, letter: str, shortest: int, longest: int) -> list[tuple[str, int]]:
        """Words that begin with the letter and have so many, with the number of passages that hold them.

        None from an index that was built before words were kept.
        """
        if not self._rows("SELECT 1 FROM sqlite_master WHERE name = 'words'"):
            return []
        query = (
            "SELECT word, passages FROM words WHERE word >= ? AND word < ? AND length(word) BETWEEN ? AND ?"
        )
        return self._rows(query, letter, chr(ord(letter) + 1), shortest, longest)

    def rows_of(self, only: frozenset[str]) -> Rows:
        """The passages of these documents. Raises QuestionError that names those that are not there."""
        found = self._rows(
            "SELECT doc_id, passages.row FROM documents LEFT JOIN passages ON document = documents.row"
            " WHERE doc_id IN (SELECT value FROM json_each(?)) ORDER BY passages.row",
            json.dumps(sorted(only)),
        )
        if missing := sorted(only - {doc_id for doc_id, _ in found}):
            named = ", ".join(map(repr, missing[:NAMED])) + (", …" if len(missing) > NAMED else "")
            raise QuestionError(f"no document {named} in the index; choose among those that are there")
        return np.array([row for _, row in found if row is not None], np.int64)

    def _hit(self, pool: Pool, i: int, score: float, rank: int) -> Hit:
        row = int(pool.rows[i])
        passage, text, title, source = self.passage(row)
        why = {name: round(float(getattr(pool, name)[i]), 4) for name in PARTS}
        return Hit(passage, text, title, source, round(score, 6), rank, why, row)

    def _best_sentence(self, rows: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[np.float32]:
        if not len(rows):
            return np.zeros(0, np.float32)
        inside, bounds = _inside(self._offsets, rows)
        cosines = _cosines(self._sentences[inside].astype(np.float32), vector)  # (sentences of the pool,)
        return np.asarray(np.maximum.reduceat(cosines, bounds), np.float32)

    def _token_cosines(self, rows: Rows, encoded: EncodedQuery, question: str) -> NDArray[np.float32]:
        """(rows,) mean over the question's tokens, by weight, of the cosine of each with its nearest in the passage.

        The cosines are those with the passage's signs, all of one length.
        """
        tokens, weights = self._weighed_tokens(encoded, question)
        if not len(rows) or not len(tokens):
            return np.zeros(len(rows), np.float32)
        inside, bounds = _inside(self._token_offsets, rows)
        cosines = _sign_cosines(self._tokens[inside], tokens)
        nearest = np.maximum.reduceat(cosines, bounds, axis=0)  # (rows, tokens of the question)
        # not as a product by BLAS, by which equal passages need not score equal and numpy may warn of no fault
        return np.asarray(np.round((nearest * weights).sum(axis=1), 5), np.float32)

    def sentence_tokens(
        self, hits: Sequence[Hit], encoded: EncodedQuery, question: str
    ) -> list[NDArray[np.float32]]:
        """(sentences,) of each hit, as `_token_cosines`, each sentence with the title and headings above it."""
        tokens, weights = self._weighed_tokens(encoded, question)
        return [self._tokens_of(hit, tokens, weights) for hit in hits]

    def _tokens_of(self, hit: Hit, tokens: Vectors, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        found = np.zeros(len(hit.passage.sentences), np.float32)
        signs = self.token_signs(hit.row)
        header = header_of(hit.title, hit.passage.section)
        for before in (f"{header}. ", "") if header else ("",):  # a long header was left out
            spans = np.array(self.encoder.token_spans(before + hit.text)).reshape(-1, 2)
            if len(spans) == len(signs) and signs.size and len(tokens):
                break
        else:
            return found
        cosines = _sign_cosines(signs, tokens)  # (tokens, tokens of the question)
        middles = spans.mean(axis=1) + hit.passage.start - len(before)
        above = middles < hit.passage.start
        for number, (start, end) in enumerate(hit.passage.sentences):
            held = above | ((middles >= start) & (middles < end))
            if held.any():
                found[number] = (cosines[held].max(axis=0) * weights).sum()
        return found

    def _weighed_tokens(self, encoded: EncodedQuery, question: str) -> tuple[Vectors, NDArray[np.float32]]:
        """The question's tokens but the special ones, and their weights, which sum to 1: in proportion the root
        of a content word's idf, PLAIN for others. None where passages have no tokens."""
        words = terms(question)
        weights = np.zeros(len(encoded.spans), np.float32)
        for place, (start, end) in enumerate(encoded.spans):
            within = next((word for word in words if word.start < end and start < word.end), None)
            if start < end:
                weights[place] = PLAIN if within is None else math.sqrt(self.idf(within.stem))
        count = weights > 0
        if not self._tokens.shape[1] or not count.any():
            return np.empty((0, 0), np.float32), np.empty(0, np.float32)
        return encoded.tokens[count], weights[count] / weights.sum()

    def _release(self) -> None:
        """Give mapped vectors back to the system's cache, or in time every page of them would be resident."""
        self._searches += 1
        if self._searches % _RELEASE_AFTER == 0 and hasattr(mmap, "MADV_DONTNEED"):
            for mapped in (self._passages, self._sentences, self._tokens):
                if len(mapped):
                    mapped._mmap.madvise(mmap.MADV_DONTNEED)


def _sign_cosines(signs: Signs, asked: Vectors) -> NDArray[np.float32]:
    """(n, bytes) and (m, dim) unit rows -> (n, m); as vectors the signs are ±1/√dim."""
    count, dim = len(signs), asked.shape[1]
    found = np.empty((count, len(asked)), np.float32)
    doubled = np.ascontiguousarray(2 * asked.T)
    for begin in range(0, count, _AT_ONCE):
        bits = np.unpackbits(signs[begin : begin + _AT_ONCE], axis=1, count=dim)
        np.matmul(bits.astype(np.float32), doubled, out=found[begin : begin + _AT_ONCE])
    return np.asarray((found - asked.sum(axis=1)) / np.float32(math.sqrt(dim)), np.float32)


def _inside(offsets: NDArray[np.int64], rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All rows offsets[i]:offsets[i+1] of the passages i, one after another, and where those of each begin."""
    starts, stops = offsets[rows], offsets[rows + 1]
    lengths = stops - starts
    bounds = np.concatenate(([0], np.cumsum(lengths)))[:-1]
    return np.arange(int(lengths.sum())) - np.repeat(bounds, lengths) + np.repeat(starts, lengths), bounds


def _cosines(rows: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, dim) unit rows and (dim,) -> (n,). Equal rows score equal, which BLAS does not promise."""
    return np.asarray(np.einsum("nd,d->n", rows, vector), np.float32)


def _best(scores: NDArray[np.float32], depth: int) -> NDArray[np.int64]:
    """Rows of the `depth` highest positive scores; at the boundary the earlier rows win."""
    tops = scores[: len(scores) // 512 * 512].reshape(-1, 512).max(axis=1)
    # at least `depth` scores reach the bound, and few do: a sort of all is spared
    bound = np.partition(tops, -depth)[-depth] if len(tops) >= depth else 0
    candidates = np.flatnonzero(scores >= bound if bound > 0 else scores > 0)
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


def _check_encoder(manifest: dict[str, Any], encoder: Identified, folder: Path) -> None:
    ours, theirs = encoder.identity, manifest["encoder"]
    if ours != theirs:
        changed = ", ".join(
            f"{key} {theirs.get(key)!r} ≠ {ours[key]!r}" for key in ours if ours[key] != theirs.get(key)
        )
        raise IndexMismatch(
            f"the index in {folder} was built by another encoder ({changed}); run scripts/rebuild_index.py"
            f" with the same --model, or name the index's own model with --model {theirs.get('name')}"
        )


def _check_files(
    folder: Path, manifest: dict[str, Any], names: Iterable[str], *, all_hashes: bool = False
) -> None:
    checksums = manifest["files"]
    thorough = all_hashes or sum(entry["bytes"] for entry in checksums.values()) <= _HASHED_BYTES
    for name in names:
        path, entry = folder / name, checksums[name]
        size = path.stat().st_size if path.is_file() else -1
        if size != entry["bytes"] or (thorough and _known_hash(path) != entry["sha256"]):
            state = "is missing" if size < 0 else "is not as it was written"
            raise IndexBroken(f"{path} {state}; run scripts/rebuild_index.py --force")


_known: dict[tuple[str, int, int, int], str] = {}


def _known_hash(path: Path) -> str:
    """SHA-256 of a file, computed once in a process while its inode, size and time stay the same."""
    state = path.stat()
    key = (str(path), state.st_ino, state.st_size, state.st_mtime_ns)
    digest = _known.get(key) or file_hash(path)
    if time.time() - state.st_mtime > _JUST_WRITTEN:
        _known[key] = digest
    return digest


def _map_array(path: Path) -> Any:
    """A memory-mapped array. Raises ValueError for a damaged file."""
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _map_bytes(path: Path, shape: tuple[int, int]) -> Any:
    """A memory-mapped array of uint8. Raises ValueError when the file has another size."""
    if path.stat().st_size != shape[0] * shape[1]:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {shape[0]} × {shape[1]}")
    return np.memmap(path, np.uint8, "r", shape=shape) if shape[0] * shape[1] else np.empty(shape, np.uint8)


def _read_faiss(path: Path, manifest: dict[str, Any]) -> Any:
    index: Any
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError:  # no memory mapping on this system, or a damaged file
        index = faiss.read_index(str(path))
    if "probes" in manifest:
        index.nprobe = manifest["probes"]
        index.parallel_mode = 1  # the lists of one query are shared out among threads
    return index


def _open_read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )


# Building -----------------------------------------------------------------------------------


def stale(corpus: Path, folder: Path, encoder: Identified) -> str:
    """Why the index does not fit the corpus as it is now, or "" when it does."""
    try:
        manifest = read_manifest(folder, current_generation(folder))
        _check_encoder(manifest, encoder, folder)
        _check_files(folder / current_generation(folder), manifest, manifest["files"], all_hashes=True)
    except (IndexMissing, IndexBroken, IndexMismatch) as error:
        return str(error)
    if manifest.get("reading") != READING:
        return "files are read otherwise than when the index was built"
    if manifest.get("splitting") != SPLITTING:
        return "documents are split otherwise than when the index was built"
    return _changed_files(manifest, corpus, folder)


def outdated(corpus: Path, folder: Path) -> str:
    """Which files of the corpus are not as when the index was built, or ""."""
    return _changed_files(read_manifest(folder, current_generation(folder)), corpus, folder)


def _changed_files(manifest: Mapping[str, Any], corpus: Path, folder: Path) -> str:
    return _difference(manifest["corpus"], _hash_files(corpus, corpus_files(corpus, skip=folder)))


def build_index(
    corpus: Path, folder: Path, encoder: Encoder, *, force: bool = False, progress: Progress | None = None
) -> BuildReport:
    """Bring the index in `folder` up to the corpus; passages that have not changed keep their vectors.

    Nothing changed: nothing is written. What a stopped build had embedded is taken over. `force` embeds
    everything anew. Raises CorpusMissing for nothing to index, CorpusError for a broken file, IndexBusy
    beside another build; then and at any crash the generation that was live stays so.
    """
    started = time.perf_counter()
    tell = progress or (lambda _stage, _done, _total: None)
    if not force and not stale(corpus, folder, encoder):
        return _unchanged(folder, started)
    with _only_build(folder):
        shards = _Shards(folder, encoder)
        _sweep(folder, keep=None if force else shards.folder.name)
        files = corpus_files(corpus, skip=folder)
        hashes = _hash_files(corpus, files)
        old = None if force else _reusable(folder, encoder)
        source = _read_source(corpus, files, encoder, tell, old)
        work = folder / f"building-{os.getpid()}"
        try:
            work.mkdir()
            embedded, reused, removed = _write(work, corpus, source, hashes, encoder, old, shards, tell)
            generation = publish(folder, work, encoder)
        except IndexBroken:
            shutil.rmtree(shards.folder, ignore_errors=True)
            raise
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
class Source:
    """What a corpus holds, read once."""

    documents: list[Document] = field(default_factory=list)
    splittings: list[str] = field(default_factory=list)  # per document, see `_splitting`
    passages: list[Passage] = field(default_factory=list)
    document_of: list[int] = field(default_factory=list)  # per passage: position in `documents`
    unread: list[UnreadFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    long_headers: set[str] = field(default_factory=set)  # above HEADER_PIECES: left out of the vector

    def add(self, document: Document, passages: Iterable[Passage], splitting: str = "") -> None:
        first = len(self.passages)
        self.passages += passages
        self.document_of += [len(self.documents)] * (len(self.passages) - first)
        self.documents.append(document)
        self.splittings.append(splitting)

    def leave_out_long_headers(self, encoder: Encoder) -> None:
        """To be called when all documents have been added."""
        headers = list({f"{self.header(number)}." for number in range(len(self.passages))})
        sizes = encoder.count_pieces(headers)
        self.long_headers = {h[:-1] for h, size in zip(headers, sizes, strict=True) if size > HEADER_PIECES}

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

    def stems(self, number: int) -> list[str]:
        """What BM25 reads of a passage."""
        return stems(self.header(number)) + stems(self.text(number))

    def sentences(self, number: int) -> list[str]:
        text = self.documents[self.document_of[number]].text
        return [text[start:end] for start, end in self.passages[number].sentences]

    def key(self, number: int) -> str:
        """Equal for passages whose vectors are equal."""
        start = self.passages[number].start
        spans = [(a - start, b - start) for a, b in self.passages[number].sentences]
        content = json.dumps([self.header(number), self.text(number), spans], ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()


def _read_source(
    corpus: Path, files: Sequence[Path], encoder: Encoder, tell: Progress, old: PassageIndex | None
) -> Source:
    """Documents and passages; a document that `old` holds as it is now need not be split again."""
    source = Source()
    done = set() if old is None else {row[0] for row in old._rows("SELECT splitting FROM documents")}
    most = passage_pieces(encoder)
    for item in read_documents(corpus, files):
        if isinstance(item, UnreadFile):
            source.unread.append(item)
            continue
        splitting = _splitting(item, most)
        if old is not None and splitting in done:
            passages, warnings = old.passages_of(item.doc_id), list(item.warnings)
        else:
            passages, warnings = split_document(item, encoder.count_pieces, most)
            splitting = "" if len(warnings) > len(item.warnings) else splitting  # so that it warns again
        source.add(item, passages, splitting)
        source.warnings += warnings
        tell("reading", len(source.documents), 0)
    source.leave_out_long_headers(encoder)
    if not source.passages:
        listed = "; ".join(f"{item.path} {item.reason}" for item in source.unread[:5])
        raise CorpusMissing(
            f"nothing to index in {corpus}: no readable document"
            + (f" ({listed})" if listed else "")
            + "; put documents there (README.md lists the formats)"
        )
    return source


def passage_pieces(encoder: Encoder) -> int:
    """The most word pieces of a passage: what a header, [CLS] and [SEP] leave of those that are read."""
    return min(MAX_PIECES, encoder.max_pieces) - HEADER_PIECES - 2


def _splitting(document: Document, most: int) -> str:
    """Equal for documents that are split into the same passages."""
    blocks = [(b.start, b.end, b.section, b.heading, b.whole) for b in document.blocks]
    content = repr((SPLITTING, most, document.doc_id, document.sha256, blocks))
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _reusable(folder: Path, encoder: Encoder) -> PassageIndex | None:
    try:
        return PassageIndex.open(folder, encoder)
    except (IndexMissing, IndexBroken, IndexMismatch):
        return None


class _Shards:
    """Vectors of the texts that this build, or one that was stopped, has embedded; of passages their tokens too.

    Each pair of files holds up to SHARD texts' keys and vectors, and the signs of their tokens one after
    another; it counts when the first of them is there, which is written last and whole or not at all.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        identity = json.dumps(encoder.identity, sort_keys=True).encode()
        self.folder = folder / f"embedding-{hashlib.sha256(identity).hexdigest()[:16]}"
        self._row = np.dtype([("text", "V16"), ("vector", "<f4", (encoder.dim,)), ("tokens", "<u4")])
        self._files: list[tuple[NDArray[Any], NDArray[np.int64], Signs]] = []  # rows, token offsets, signs
        self._places: dict[bytes, tuple[int, int]] = {}  # digest of a text -> file, row

    def load(self) -> None:
        for path in sorted(self.folder.glob("*.vectors.npy")):
            try:
                rows = _map_array(path)
                if rows.dtype == self._row:
                    self._take(path, rows)
            except (OSError, ValueError):
                continue  # the system, not only the build, was stopped

    def add(self, texts: Sequence[str], vectors: Vectors, signs: Sequence[Signs] | None = None) -> None:
        """`signs` for passages; None for sentences."""
        rows = np.empty(len(texts), self._row)
        keys = [_text_key(text, signs is not None) for text in texts]
        rows["text"] = np.frombuffer(b"".join(keys), "V16")
        rows["vector"] = vectors
        rows["tokens"] = [len(each) for each in signs] if signs is not None else 0
        path = self.folder / f"{keys[0].hex()}.vectors.npy"
        self.folder.mkdir(exist_ok=True)
        written = io.BytesIO()
        np.save(written, rows, allow_pickle=False)
        write_at_once(_signs_beside(path), b"".join(each.tobytes() for each in signs or ()))
        write_at_once(path, written.getvalue())
        self._take(path, _map_array(path))

    def holds(self, text: str, *, tokens: bool) -> bool:
        return _text_key(text, tokens) in self._places

    def vector(self, text: str, *, tokens: bool = False) -> NDArray[np.float32]:
        file, row = self._places[_text_key(text, tokens)]
        return np.asarray(self._files[file][0]["vector"][row], np.float32)

    def signs(self, text: str) -> Signs:
        file, row = self._places[_text_key(text, tokens=True)]
        _, offsets, signs = self._files[file]
        return np.asarray(signs[offsets[row] : offsets[row + 1]])

    def _take(self, path: Path, rows: NDArray[Any]) -> None:
        offsets = np.concatenate(([0], np.cumsum(rows["tokens"], dtype=np.int64)))
        beside = _signs_beside(path)
        width = beside.stat().st_size // int(offsets[-1]) if offsets[-1] else 0
        signs = _map_bytes(beside, (int(offsets[-1]), width))
        places = ((len(self._files), row) for row in range(len(rows)))
        self._places.update(zip(rows["text"].tolist(), places, strict=True))
        self._files.append((rows, offsets, signs))


def _signs_beside(path: Path) -> Path:
    return path.with_name(path.name.replace(".vectors.npy", ".signs.u8"))


def _text_key(text: str, tokens: bool = False) -> bytes:
    """Of a text, or of one that is embedded with its tokens."""
    person = b"tokens" if tokens else b""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=person).digest()


def _write(
    work: Path,
    corpus: Path,
    source: Source,
    hashes: dict[str, str],
    encoder: Encoder,
    old: PassageIndex | None,
    shards: _Shards,
    tell: Progress,
) -> tuple[int, int, int]:
    """Every file of a generation into `work`; how many passages were embedded, reused, removed."""
    keys = [source.key(number) for number in range(len(source.passages))]
    old_rows = {} if old is None else {key: row for row, key in old._rows("SELECT row, key FROM passages")}
    fresh = [number for number, key in enumerate(keys) if key not in old_rows]
    shards.load()
    embedded = sum(not shards.holds(source.embedded(number), tokens=True) for number in fresh)
    _embed(source, fresh, encoder, shards, tell)

    def vectors() -> Iterator[PassageVectors]:
        for number, key in enumerate(keys):
            if old is not None and key in old_rows:
                row = old_rows[key]
                yield old._passages[row], old.sentence_vectors(row), old.token_signs(row)
            else:
                text = source.embedded(number)
                sentences = np.stack([shards.vector(sentence) for sentence in source.sentences(number)])
                yield shards.vector(text, tokens=True), sentences, shards.signs(text)

    tell("writing", 0, 0)
    words = (source.stems(number) for number in range(len(keys)))
    write_generation(work, source, keys, vectors(), words, encoder, hashes, _questions(corpus, source))
    removed = len(set(old_rows) - set(keys))
    return embedded, len(keys) - embedded, removed


def _embed(source: Source, numbers: Sequence[int], encoder: Encoder, shards: _Shards, tell: Progress) -> None:
    """Add what the passages in `numbers` need to `shards`; a text that occurs twice is encoded once."""
    passages = list(dict.fromkeys(source.embedded(number) for number in numbers))
    sentences = list(dict.fromkeys(text for number in numbers for text in source.sentences(number)))
    missing = [
        [text for text in passages if not shards.holds(text, tokens=True)],
        [text for text in sentences if not shards.holds(text, tokens=False)],
    ]
    total = len(passages) + len(sentences)
    done = total - sum(map(len, missing))
    tell("embedding", done, total)
    for texts, tokens in zip(missing, (True, False), strict=True):
        for begin in range(0, len(texts), SHARD):
            block = texts[begin : begin + SHARD]

            def tell_block(of_block: int, _total: int, before: int = done) -> None:
                tell("embedding", before + of_block, total)

            if tokens:
                shards.add(block, *encoder.encode_with_tokens(block, tell_block))
            else:
                shards.add(block, encoder.encode_passages(block, tell_block))
            done += len(block)


def write_generation(
    work: Path,
    source: Source,
    keys: Sequence[str],
    vectors: Iterable[PassageVectors],
    words: Iterable[Sequence[str]],
    encoder: Encoder,
    hashes: dict[str, str],
    questions: Sequence[Question],
) -> None:
    """Every file of a generation into the folder `work`.

    `vectors` gives the (dim,) vector of each passage, the (sentences, dim) vectors of its sentences and the
    signs of its tokens; `words` the stems that BM25 reads of each passage.
    """
    offsets = np.concatenate(([0], np.cumsum([len(p.sentences) for p in source.passages]))).astype(np.int64)
    np.save(work / "sentence_offsets.npy", offsets, allow_pickle=False)
    token_bytes = _write_vectors(work, vectors, (len(source.passages), int(offsets[-1])), encoder.dim)
    chosen = {"token_bytes": token_bytes} | _write_faiss(work, encoder)
    _write_bm25(work / "bm25", words)
    _write_sqlite(work / _STORE, source, keys, questions)
    _write_manifest(work, source, hashes, encoder, chosen)


def _write_vectors(work: Path, vectors: Iterable[PassageVectors], counts: tuple[int, int], dim: int) -> int:
    """Row by row, so that a build holds no more of them than a few. Returns the bytes of a token."""
    offsets, token_bytes = [0], 0
    with (
        (work / "passage_vectors.npy").open("wb") as passages,
        (work / "sentence_vectors.npy").open("wb") as sentences,
        (work / "token_signs.u8").open("wb") as tokens,
    ):
        for file, kind, count in ((passages, "<f4", counts[0]), (sentences, "<f2", counts[1])):
            header = {"descr": kind, "fortran_order": False, "shape": (count, dim)}
            np.lib.format.write_array_header_1_0(file, header)
        for passage, of_sentences, signs in vectors:
            passages.write(np.asarray(passage, "<f4").tobytes())
            sentences.write(np.asarray(of_sentences, "<f2").tobytes())
            tokens.write(np.asarray(signs, np.uint8).tobytes())
            offsets.append(offsets[-1] + len(signs))
            token_bytes = signs.shape[1]
    np.save(work / "token_offsets.npy", np.array(offsets, np.int64), allow_pickle=False)
    return token_bytes


def _write_faiss(work: Path, encoder: Encoder) -> dict[str, Any]:
    """The index whose kind suits the number of passages; what the manifest tells of it."""
    vectors = _map_array(work / "passage_vectors.npy")  # (passages, dim)
    count, dim = vectors.shape
    # four to sixteen times the root of the count is FAISS's own advice; codes of 8 bits lose nearly nothing
    lists = 1 << round(math.log2(4 * math.sqrt(count)))
    kind = "Flat" if count <= EXACT_UP_TO else f"IVF{lists},SQ8"
    faiss.omp_set_num_threads(_THREADS)
    index = faiss.index_factory(dim, kind, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        index.train(np.ascontiguousarray(vectors[:: max(1, count // (40 * lists))]))
    for begin in range(0, count, 1 << 16):
        index.add(np.ascontiguousarray(vectors[begin : begin + (1 << 16)]))
    chosen: dict[str, Any] = {"faiss": kind}
    if kind != "Flat":
        sentences = _map_array(work / "sentence_vectors.npy")
        step = max(1, len(sentences) // TUNING_QUESTIONS)
        questions = np.ascontiguousarray(sentences[::step], np.float32)
        chosen |= {"probes": _fewest_probes(index, vectors, questions)}
        chosen |= {"threads": _fastest_threads(index, questions, encoder)}
    try:
        faiss.write_index(index, str(work / "passages.faiss"))
    except RuntimeError as error:  # disk full
        raise OSError(str(error).splitlines()[0]) from error
    return chosen


def _fewest_probes(index: Any, vectors: Vectors, questions: Vectors) -> int:
    """The fewest lists to look through that keep NEAREST_FOUND; `index` is left with them.

    `questions` are sentences of the passages: as short as questions, and of the same subjects.
    """
    nearest = faiss.knn(questions, vectors, NEAREST, metric=faiss.METRIC_INNER_PRODUCT)[1]
    index.nprobe, found = 4, 0.0
    while found < NEAREST_FOUND and index.nprobe < index.nlist:
        index.nprobe = min(2 * index.nprobe, index.nlist)
        pools = index.search(questions, 2 * POOL)[1]
        found = float(np.mean([np.isin(a, b) for a, b in zip(nearest, pools, strict=True)]))
    return int(index.nprobe)


def _fastest_threads(index: Any, questions: Vectors, encoder: Encoder) -> int:
    """How many threads search fastest just after the encoder, whose own threads may still wait for work."""
    seconds = {}
    index.parallel_mode = 1
    for threads in (1 << power for power in range(_THREADS.bit_length())):
        faiss.omp_set_num_threads(threads)
        taken = []
        for question in questions[:64]:
            encoder.encode_queries(["Which is it?"])
            started = time.perf_counter()
            index.search(question[None], 2 * POOL)
            taken.append(time.perf_counter() - started)
        seconds[threads] = float(np.median(taken))
    return min(seconds, key=seconds.__getitem__)


def _write_bm25(folder: Path, passages: Iterable[Sequence[str]]) -> None:
    vocabulary: dict[str, int] = {}
    numbers = [[vocabulary.setdefault(stem, len(vocabulary)) for stem in stems] for stems in passages]
    if not vocabulary:
        numbers[0] = [vocabulary.setdefault("", 0)]  # bm25s cannot index nothing at all
    bm25 = bm25s.BM25(k1=BM25_K1, b=BM25_B, method="lucene")
    bm25.index((numbers, vocabulary), show_progress=False)
    bm25.save(folder, show_progress=False)


_SCHEMA = """
CREATE TABLE documents (row INTEGER PRIMARY KEY, doc_id TEXT UNIQUE, title TEXT, source TEXT, sha256 TEXT, text TEXT,
                        splitting TEXT);
CREATE TABLE passages (row INTEGER PRIMARY KEY, document INTEGER, start INTEGER, end INTEGER, section TEXT,
                       sentences TEXT, key TEXT, text TEXT);
CREATE TABLE questions (row INTEGER PRIMARY KEY, text TEXT, doc_ids TEXT, section TEXT);
CREATE TABLE words (word TEXT PRIMARY KEY, passages INTEGER) WITHOUT ROWID;
CREATE INDEX passages_of_document ON passages (document);
"""


def _write_sqlite(path: Path, source: Source, keys: Sequence[str], questions: Sequence[Question]) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        db.executemany(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (row, d.doc_id, d.title, d.source, d.sha256, d.text, splitting)
                for row, (d, splitting) in enumerate(zip(source.documents, source.splittings, strict=True))
            ),
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
            "INSERT INTO questions VALUES (?, ?, ?, ?)",
            ((row, q.text, json.dumps(q.documents), q.section) for row, q in enumerate(questions)),
        )
        counts = Counter(word for row in range(len(keys)) for word in _words_of(source, row))
        db.executemany("INSERT INTO words VALUES (?, ?)", sorted(counts.items()))
        db.commit()


def _words_of(source: Source, row: int) -> set[str]:
    """The words of a passage that a misspelt one may stand for."""
    words = plain_words(f"{source.header(row)} {source.text(row)}")
    return {word for word in words if SHORTEST_WORD <= len(word) <= LONGEST_WORD}


def _questions(corpus: Path, source: Source) -> list[Question]:
    """What the page may suggest: the corpus' own; where none of these can be shown, also made ones."""
    own = _corpus_questions(corpus)
    if any(presentable(question.text) for question in own):
        return own
    made = suggest_questions(source.documents, MOST_MADE)
    return own + [Question(text, (doc_id,), section) for text, doc_id, section in made]


def _corpus_questions(corpus: Path) -> list[Question]:
    """Answerable stand-alone questions of the corpus' dev split."""
    if not (corpus / "qrels" / "dev.tsv").is_file():
        return []
    queries, qrels = read_queries(corpus), read_qrels(corpus, "dev")
    return [
        Question(query.text, tuple(doc_id for doc_id, grade in qrels[query.query_id].items() if grade > 0))
        for query in queries.values()
        if query.query_id in qrels and query.answerable and not query.history
    ]


def _write_manifest(
    work: Path, source: Source, hashes: dict[str, str], encoder: Encoder, chosen: dict[str, Any]
) -> None:
    names = sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())
    manifest = {
        "format": FORMAT,
        "reading": READING,
        "splitting": SPLITTING,
        "encoder": encoder.identity,
        **chosen,
        "documents": len(source.documents),
        "passages": len(source.passages),
        "sentences": sum(len(passage.sentences) for passage in source.passages),
        "corpus": hashes,
        "unread_files": [asdict(item) for item in source.unread],
        "warnings": source.warnings,
        "files": {
            name: {"bytes": (work / name).stat().st_size, "sha256": file_hash(work / name)} for name in names
        },
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("sentence-transformers", "transformers", "torch", "faiss-cpu", "bm25s", "numpy")
        },
    }
    (work / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8")


def publish(folder: Path, work: Path, encoder: Encoder) -> str:
    """Check the generation in `work`, give it its name, make it the live one."""
    built = PassageIndex(folder, work.name, encoder)
    _find_itself(built)
    built._db.close()
    del built
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    digest = file_hash(work / "manifest.json")[:8]
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
    if not index._faiss.ntotal == count == index.manifest["passages"] == len(index._offsets) - 1:
        raise IndexBroken(
            "the new index has parts of unequal length; nothing was changed, please build again"
        )
    for row in range(0, count, max(1, count // 16)):
        vector = np.asarray(index._passages[row])
        found = _cosines(index._passages[index.nearest(vector, NEAREST)], vector)
        if not np.any(np.abs(found - float(vector @ vector)) <= 1e-3):  # so that NaN fails too
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
        name = printable(path.relative_to(corpus).as_posix())
        try:
            hashes[name] = file_hash(path)
        except OSError:
            hashes[name] = "unreadable"
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
    """Remove unfinished builds, what they embedded, their pointers, and generations; not the live one, nor `keep`."""
    try:
        live = current_generation(folder)
    except IndexMissing:
        live = ""
    for path in list(folder.iterdir()):
        if path.is_dir() and _OURS.fullmatch(path.name) and path.name not in {live, keep}:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file() and _POINTER.fullmatch(path.name):
            path.unlink(missing_ok=True)
