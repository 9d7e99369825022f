"""BERT without padding: the texts of a batch one after another, so that no time goes to filling.

Every layer but attention treats each token by itself, so it takes all tokens of a batch as one matrix; attention is
computed text by text and needs no mask. States are those of the padded network (`tests/test_packed.py`).

Paragraphs of squad2 (168 word pieces) a second on one core in bfloat16: `PackedBert` with attention as a product, a softmax
and a product 53, with torch's fused one 58, `PreparedBert` 67 without and 79 with the weights laid out for oneDNN.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Linear = Callable[[Tensor], Tensor]
# what a layer does but attention, sums and norms: query, key and value of the states; merging, widening, narrowing
Products = tuple[Callable[[Tensor], tuple[Tensor, ...]], Linear, Linear, Linear]
_TOKENS = 200  # about, of a text that weights are laid out for


class PackedBert(nn.Module):
    """A `transformers.BertModel` in its place, with no masks but of padding at the right.

    While it trains, `dropout` is the share of what a layer adds to the states that is left out.
    """

    def __init__(self, bert: Any, dropout: float = 0.0) -> None:
        super().__init__()
        self.bert = bert
        self.dropout = nn.Dropout(dropout)

    @property
    def config(self) -> Any:
        return self.bert.config

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None, **_: Any
    ) -> Any:
        """`last_hidden_state` (B, L, width), 0 at padding; `input_ids`, mask and types are (B, L)."""
        from transformers.modeling_outputs import BaseModelOutput

        read = attention_mask.bool()
        states = self.layers(self.embedded(input_ids, read, token_type_ids), read.sum(1).tolist())
        padded = states.new_zeros(*input_ids.shape, states.shape[1])
        padded[read] = states
        return BaseModelOutput(last_hidden_state=padded)

    def embedded(self, ids: Tensor, read: Tensor, types: Tensor | None) -> Tensor:
        """(tokens, width) embeddings of the tokens that are to be `read`; all (B, L)."""
        positions = torch.arange(ids.shape[1]).expand_as(ids)
        types = torch.zeros_like(ids) if types is None else types
        embed = self.bert.embeddings
        embedded: Tensor = embed.LayerNorm(
            embed.word_embeddings(ids[read])
            + embed.position_embeddings(positions[read])
            + embed.token_type_embeddings(types[read])
        )
        return embedded

    def layers(self, states: Tensor, lengths: list[int]) -> Tensor:
        """(tokens, width) embeddings of texts that are `lengths` tokens long -> their last states."""
        heads, near = self.config.num_attention_heads, self.near(states, lengths)
        for number, layer in enumerate(self.bert.encoder.layer):
            ask, merge, widen, narrow = self.products(number)
            query, key, value = ask(states)
            read = _attend(query, key, value, lengths, heads, near)
            states = self.attention_norm(number)(self.dropout(merge(read)) + states)
            states = layer.output.LayerNorm(self.dropout(narrow(widen(states))) + states)
        return states

    def near(self, states: Tensor, lengths: list[int]) -> dict[int, Tensor]:
        """By length of a text, what attention adds for how far apart two tokens are; (1, heads, L, L) each."""
        return {}

    def attention_norm(self, number: int) -> Linear:
        norm: Linear = self.bert.encoder.layer[number].attention.output.LayerNorm
        return norm

    def products(self, number: int) -> Products:
        layer = self.bert.encoder.layer[number]
        own, wide = layer.attention.self, layer.intermediate
        return (
            lambda states: (own.query(states), own.key(states), own.value(states)),
            layer.attention.output.dense,
            lambda states: wide.intermediate_act_fn(wide.dense(states)),
            layer.output.dense,
        )


class PreparedBert(PackedBert):
    """The same for reading alone: it keeps the weights it is made with, laid out for this CPU, and does not learn."""

    @torch.no_grad()
    def __init__(self, bert: Any) -> None:
        super().__init__(bert)
        self._prepared = [_prepare(layer, bert.config.hidden_act) for layer in bert.encoder.layer]

    def products(self, number: int) -> Products:
        return self._prepared[number]


def joined(layers: Sequence[nn.Linear]) -> tuple[Tensor, Tensor]:
    """Weight and bias of the layers as of one: (widths, width), (widths,)."""
    return torch.cat([layer.weight for layer in layers]), torch.cat([layer.bias for layer in layers])


def _attend(
    query: Tensor, key: Tensor, value: Tensor, lengths: list[int], heads: int, near: Mapping[int, Tensor]
) -> Tensor:
    """(tokens, width) each -> the same."""
    parts = (
        part.view(len(part), heads, -1).transpose(0, 1)[None].split(lengths, 2)  # type: ignore[no-untyped-call]  # torch's own
        for part in (query, key, value)
    )
    read = [
        functional.scaled_dot_product_attention(asks, held, told, near.get(asks.shape[2]))[0]
        for asks, held, told in zip(*parts, strict=True)
    ]
    return torch.cat(read, 1).transpose(0, 1).reshape(query.shape)


def _prepare(layer: Any, act: str) -> Products:
    own, wide = layer.attention.self, layer.intermediate
    ask = _linear(*joined([own.query, own.key, own.value]))
    merge, narrow = (
        _linear(part.dense.weight, part.dense.bias) for part in (layer.attention.output, layer.output)
    )
    if act == "gelu":
        widen = _linear(wide.dense.weight, wide.dense.bias, act)
    else:
        alone = _linear(wide.dense.weight, wide.dense.bias)
        widen = lambda states: wide.intermediate_act_fn(alone(states))  # noqa: E731
    return lambda states: ask(states).chunk(3, 1), merge, widen, narrow


def _linear(weight: Tensor, bias: Tensor, act: str = "none") -> Linear:
    """x W' + b, and `act` of it, in bfloat16 on an x86 by the kernel that torch's own compiler takes (`mkldnn`)."""

    def plain(states: Tensor) -> Tensor:
        made = functional.linear(states, weight, bias)
        return functional.gelu(made) if act == "gelu" else made

    if weight.dtype != torch.bfloat16 or platform.machine().lower() not in ("x86_64", "amd64"):
        return plain
    # not public; where a torch has it no more, or otherwise, the plain way remains
    kernel: Any = torch.ops.mkldnn
    some = torch.linspace(-1, 1, 8 * weight.shape[1]).view(8, -1).to(weight.dtype)
    try:
        laid_out = kernel._reorder_linear_weight(weight.contiguous(), _TOKENS)

        def fused(states: Tensor) -> Tensor:
            made: Tensor = kernel._linear_pointwise(states, laid_out, bias, act, [], "none")
            return made

        same = torch.allclose(fused(some).float(), plain(some).float(), atol=0.02, rtol=0.02)
    except (AttributeError, RuntimeError):
        return plain
    return fused if same else plain
