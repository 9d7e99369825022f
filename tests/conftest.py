"""Shared fakes: a deterministic encoder, small corpora, and a guard against the network."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

if "PYTEST_XDIST_WORKER" in os.environ:  # threads of two processes that wait for each other slow both
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from browsing import chromium, open_page, served, small  # noqa: F401  # fixtures
from evaluating import DOCUMENTS, PARAMETERS, QUERIES, QUESTIONS, query_line, write_lines, write_questions
from hypothesis import settings

from chatbot import evaluate
from chatbot.encoder import EncodedQuery, Progress, Signs, Vectors, unit_rows
from chatbot.index import build_index
from chatbot.reader import Candidate, Judgement

settings.register_profile("steady", derandomize=True, deadline=None)  # the same examples in every run
settings.load_profile("steady")
ROOT = Path(__file__).resolve().parents[1]


# four passages of 2, 1, 2 and 3 sentences; in corpus order: rivers, ships (two), trees
FILES: dict[str, str | bytes] = {
    "ships.md": "---\ntitle: Ships\n---\n\nThe Missouri is a battleship. She lay in Tokyo Bay.\n\n"
    "## Size\n\nThe Missouri is 270 metres long.\n",
    "trees.md": "# Trees\n\nOaks grow slowly. An oak can live for a thousand years.\n",
    "rivers.txt": "The Amur is a river. It forms a border.\n\nThe Sungari flows into the Amur.\n",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests in a browser come first: they take longest, and one that began last would keep all waiting."""
    slow = {item.path for item in items if item.get_closest_marker("browser")}
    items.sort(key=lambda item: item.path not in slow)


class HashEncoder:
    """Bag of hashed words: texts that share words are near. `calls` counts the texts encoded."""

    def __init__(self, name: str = "hash", dim: int = 64) -> None:
        self.name = name
        self.dim = dim
        self.max_pieces = 256
        self.calls = 0

    @property
    def identity(self) -> dict[str, Any]:
        return {"name": self.name, "sha256": "", "precision": "float32", "dim": self.dim}

    def count_pieces(self, texts: Sequence[str]) -> list[int]:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.calls += len(texts)
        if progress:
            progress(len(texts), len(texts))
        return self._encode(texts)

    def encode_with_tokens(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> tuple[Vectors, list[Signs]]:
        vectors = self.encode_passages(texts, progress)
        return vectors, [np.packbits(self._tokens(text)[0] > 0, axis=1) for text in texts]

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return list(self._tokens(text)[1])

    def encode_query(self, text: str) -> EncodedQuery:
        return EncodedQuery(self._encode([text])[0], *self._tokens(text))

    def _tokens(self, text: str) -> tuple[Vectors, tuple[tuple[int, int], ...]]:
        """Of each word a vector of ±1 of its own, after a special token of ones."""
        words = list(re.finditer(r"\w+", text.lower()))
        rows = np.ones((len(words) + 1, self.dim), np.float32)
        for row, word in enumerate(words, 1):
            rows[row] = np.random.default_rng(list(word[0].encode())).choice([-1, 1], self.dim)
        return unit_rows(rows), ((0, 0), *(word.span() for word in words))

    def _encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.full((len(texts), self.dim), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                digest = hashlib.md5(word.encode()).digest()
                vectors[row, int.from_bytes(digest[:4]) % self.dim] += 1
        return unit_rows(vectors)


class CountingReader:
    """Gives sentence i of passage n the logit n - i."""

    def judge(self, question: str, candidates: Sequence[Candidate]) -> list[Judgement]:
        return [
            Judgement(n - np.arange(len(c.sentences), dtype=np.float64), (None,) * len(c.sentences))
            for n, c in enumerate(candidates)
        ]


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def make_corpus(tmp_path: Path) -> Callable[..., Path]:
    """make_corpus({"a.md": "text"}) -> folder; a value may be bytes."""

    def make(files: dict[str, str | bytes], name: str = "corpus") -> Path:
        folder = tmp_path / name
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return make


@pytest.fixture
def built(make_corpus: Callable[..., Path], tmp_path: Path, encoder: HashEncoder) -> tuple[Path, Path]:
    """(corpus, folder) of FILES, built."""
    corpus, folder = make_corpus(FILES), tmp_path / "index"
    build_index(corpus, folder, encoder)
    return corpus, folder


@pytest.fixture
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals stay what they are, only coarser."""
    monkeypatch.setattr(evaluate, "RESAMPLES", 500)


@pytest.fixture
def asked(make_corpus: Callable[..., Path]) -> Path:
    """FILES with three questions of people."""
    folder = make_corpus(FILES)
    write_questions(folder, QUESTIONS)
    return folder


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    """A corpus of three documents, three answerable questions and one that nothing answers."""
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": doc_id, "title": "", "text": text} for doc_id, text in DOCUMENTS.items()]
    write_lines(folder / "corpus.jsonl", documents)
    write_lines(folder / "queries.jsonl", map(query_line, QUERIES))
    judgements = [f"{query_id}\t{doc_id}\t1\n" for query_id, _, doc_id, _ in QUERIES if doc_id]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judgements))
    return folder


@pytest.fixture
def open_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A script as a module, with a small encoder and a project folder of its own."""

    def load(name: str) -> ModuleType:
        script = import_module(name)
        monkeypatch.setattr(script, "PROJECT", tmp_path)
        monkeypatch.setattr(script, "load_encoder", lambda model: HashEncoder())
        monkeypatch.setattr(script, "load_network_reader", lambda: None, raising=False)
        monkeypatch.setattr("chatbot.answer.load_parameters", lambda: {"untrained": PARAMETERS})
        return script

    return load


@pytest.fixture
def evaluate_retrieval(open_script: Callable[[str], ModuleType]) -> Callable[..., int]:
    return lambda *argv: open_script("evaluate_retrieval").main([str(word) for word in argv])


@pytest.fixture
def evaluate_answers(open_script: Callable[[str], ModuleType]) -> Callable[..., int]:
    return lambda *argv: open_script("evaluate_answers").main([str(word) for word in argv])


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every socket but a loopback one is refused."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "local"
        if host not in {"127.0.0.1", "::1", "localhost", "local"}:
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    return
