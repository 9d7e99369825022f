"""BERT without padding: the texts of a batch one after another, so that no time goes to filling.

Every layer but attention treats each token by itself, so it takes all tokens of a batch as one matrix; attention is
computed text by text and needs no mask. States are those of the padded network (`tests/test_packed.py`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_FUSED = 64  # tokens; with it for shorter texts 402 sentences a second are embedded, without 377


class PackedBert(nn.Module):
    """A `transformers.BertModel` in its place, without dropout and with no masks but of padding at the right."""

    def __init__(self, bert: Any) -> None:
        super().__init__()
        self.bert = bert

    @property
    def config(self) -> Any:
        return self.bert.config

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None, **_: Any
    ) -> Any:
        """`last_hidden_state` (B, L, width), 0 at padding; `input_ids`, mask and types are (B, L)."""
        from transformers.modeling_outputs import BaseModelOutput

        read = attention_mask.bool()
        lengths = read.sum(1).tolist()
        positions = torch.arange(input_ids.shape[1]).expand_as(input_ids)
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        states = self._states(input_ids[read], positions[read], types[read], lengths)  # (tokens, width)
        padded = states.new_zeros(*input_ids.shape, states.shape[1])
        padded[read] = states
        return BaseModelOutput(last_hidden_state=padded)

    def _states(self, ids: Tensor, positions: Tensor, types: Tensor, lengths: list[int]) -> Tensor:
        embed = self.bert.embeddings
        states: Tensor = embed.LayerNorm(
            embed.word_embeddings(ids)
            + embed.position_embeddings(positions)
            + embed.token_type_embeddings(types)
        )
        for layer in self.bert.encoder.layer:
            states = _layer(layer, states, lengths)
        return states


def _layer(layer: Any, states: Tensor, lengths: list[int]) -> Tensor:
    own, merged = layer.attention.self, layer.attention.output
    wide, narrow = layer.intermediate, layer.output
    heads, size = own.num_attention_heads, own.attention_head_size
    query, key, value = (
        part(states).view(-1, heads, size).transpose(0, 1).split(lengths, 1)
        for part in (own.query, own.key, own.value)
    )
    joined = (
        torch.cat([_attend(*text) for text in zip(query, key, value, strict=True)], 1)
        .transpose(0, 1)
        .reshape(-1, heads * size)
    )
    states = merged.LayerNorm(merged.dense(joined) + states)
    read: Tensor = narrow.LayerNorm(narrow.dense(wide.intermediate_act_fn(wide.dense(states))) + states)
    return read


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(heads, tokens, size) each -> the same; torch's fused product is the slower one from _FUSED tokens on."""
    if query.shape[1] < _FUSED:
        return functional.scaled_dot_product_attention(query[None], key[None], value[None])[0]
    scores = query @ key.transpose(1, 2) * query.shape[2] ** -0.5  # (heads, tokens, tokens)
    return torch.softmax(scores, -1) @ value
