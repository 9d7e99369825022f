"""A larger network that learns the reader's task, to teach it to the one that is shipped.

A small network learns more from the probabilities of a large one than from the labels alone, for they tell how near
to right the wrong ones are (Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network", 2015). The large
one is any MPNet (Song et al., "MPNet", NeurIPS 2020), such as all-mpnet-base-v2, whose word pieces are those of BERT.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import AutoTokenizer

from chatbot.cross_encoder import ReaderNetwork, build_network
from chatbot.packed import Linear, PackedBert, Products
from chatbot.writing import write_at_once

FROZEN = 4  # of an MPNet's layers, the lowest: they learn little of one task and take a fifth of the time
_FIRST = 2  # position of an MPNet's first token

# of a passage that was searched: query, document, the passage's first character there
Place = tuple[str, str, int]
Margins = tuple[float, ...]  # of a passage's sentences: logit less that of none


class PackedMpnet(PackedBert):
    """The same of a `transformers.MPNetModel`, which knows no types of tokens and adds to attention what is near."""

    def embedded(self, ids: Tensor, read: Tensor, types: Tensor | None) -> Tensor:
        embed = self.bert.embeddings
        positions = (torch.arange(ids.shape[1]) + _FIRST).expand_as(ids)
        summed = embed.word_embeddings(ids[read]) + embed.position_embeddings(positions[read])
        return embed.LayerNorm(summed)  # type: ignore[no-any-return]  # torch's own

    def near(self, states: Tensor, lengths: list[int]) -> dict[int, Tensor]:
        longest = states[None, : max(lengths, default=0), :1]  # its size alone counts
        bias = self.bert.encoder.compute_position_bias(longest)  # (1, heads, L, L)
        return {length: bias[:, :, :length, :length].contiguous() for length in set(lengths)}

    def products(self, number: int) -> Products:
        layer = self.bert.encoder.layer[number]
        own, wide = layer.attention.attn, layer.intermediate
        return (
            lambda states: (own.q(states), own.k(states), own.v(states)),
            own.o,
            lambda states: wide.intermediate_act_fn(wide.dense(states)),
            layer.output.dense,
        )

    def attention_norm(self, number: int) -> Linear:
        norm: Linear = self.bert.encoder.layer[number].attention.LayerNorm
        return norm


def new_network(folder: Path) -> tuple[ReaderNetwork, Any]:
    """An untrained reader on the weights of a BERT or an MPNet in `folder`, and the tokenizer that it reads with."""
    network = build_network(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    backbone: Any = network.backbone
    if backbone.config.model_type == "mpnet":
        encoder = backbone.encoder
        for part in (encoder.relative_attention_bias, *encoder.layer[:FROZEN]):
            part.requires_grad_(False)
        _tell_passage(tokenizer)
    return network, tokenizer


def _tell_passage(tokenizer: Any) -> None:
    """Have the tokenizer of an MPNet give the passage type 1, by which `encode_pairs` knows it."""
    ends = [(token, tokenizer.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B:1 </s>:1", special_tokens=ends
    )


def without_padding(backbone: Any, dropout: float = 0.0) -> PackedBert:
    return (PackedMpnet if backbone.config.model_type == "mpnet" else PackedBert)(backbone, dropout)


def record_of(run: Path) -> dict[str, Any]:
    """What a run wrote of itself; of weights without a record, such as the shipped ones, their hash."""
    written = run / "record.json"
    if not written.is_file():
        return {"sha256": hashlib.sha256((run / "reader.safetensors").read_bytes()).hexdigest()}
    record: dict[str, Any] = json.loads(written.read_text("utf-8"))
    return record


def load_teacher(run: Path) -> tuple[ReaderNetwork, Any]:
    """The network that `tune_reader.py --model` wrote into `run`, for reading alone, and its tokenizer."""
    network, tokenizer = new_network(Path(record_of(run)["model"]))
    network.load_state_dict(load_file(run / "reader.safetensors"), strict=False)
    network.backbone = without_padding(network.backbone)
    return network.to(torch.bfloat16).eval(), tokenizer


def write_told(path: Path, told: Mapping[Place, Margins]) -> None:
    """One JSON line a query: its passages, each with its document, first character there and margins."""
    by_query: dict[str, list[tuple[str, int, Margins]]] = {}
    for (query, doc_id, start), margins in sorted(told.items()):
        by_query.setdefault(query, []).append((doc_id, start, margins))
    lines = (
        json.dumps({"_id": query, "told": passages}, ensure_ascii=False, separators=(",", ":"))
        for query, passages in by_query.items()
    )
    write_at_once(path, "".join(f"{line}\n" for line in lines).encode())


def read_told(path: Path) -> dict[Place, Margins]:
    records = map(json.loads, path.read_bytes().splitlines())  # of bytes: a name may hold U+2028
    return {
        (record["_id"], doc_id, start): tuple(margins)
        for record in records
        for doc_id, start, margins in record["told"]
    }


def margins_of(sentences: Tensor, null: Tensor) -> Margins:
    """Of one passage: logits (S,) of its sentences above that of none, to a tenth; -20 for what was cut off."""
    margins = (sentences - null).clamp(min=-20).tolist()
    return tuple(round(margin, 1) for margin in margins)


def logits_of(margins: Sequence[Margins], size: int) -> tuple[Tensor, Tensor]:
    """Logits (B, size) of the sentences of B passages, -inf beyond the last, and (B,) of none."""
    logits = torch.full((len(margins), size), -torch.inf)
    for row, some in enumerate(margins):
        logits[row, : len(some)] = torch.tensor(some)
    return logits, torch.zeros(len(margins))


def loss_against(
    taught: tuple[Tensor, Tensor], told: tuple[Tensor, Tensor], sizes: Sequence[int], temperature: float
) -> Tensor:
    """How far the one's probabilities are from what the other told, of sentences (B, S) and null (B,) logits each:
    within each passage, and within each question, of whose passages there are `sizes` in a row.

    Kullback-Leibler divergence of logits over the temperature, times its square (Hinton et al.).
    """
    read = torch.isfinite(taught[0]) & torch.isfinite(told[0])
    ours, theirs = (
        (sentences - null[:, None]).masked_fill(~read, -torch.inf) / temperature
        for sentences, null in (taught, told)
    )
    none = ours.new_zeros(len(ours), 1)
    within = _divergence(torch.cat([none, ours], 1), torch.cat([none, theirs], 1)).mean()
    across = [
        _divergence(torch.cat([none[0], one.flatten()]), torch.cat([none[0], other.flatten()]))
        for one, other in zip(torch.split(ours, list(sizes)), torch.split(theirs, list(sizes)), strict=True)
    ]
    return (within + torch.stack(across).mean()) * temperature**2


def _divergence(ours: Tensor, theirs: Tensor) -> Tensor:
    """Of logits along the last axis, of which those that are -inf count nothing."""
    apart = theirs.log_softmax(-1) - ours.log_softmax(-1)
    return (theirs.softmax(-1) * apart.masked_fill(torch.isinf(theirs), 0.0)).sum(-1)
