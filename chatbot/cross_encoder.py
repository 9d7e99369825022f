"""The network of the trained reader: question and passage together, one pass, all of its judgements.

A BERT of six layers reads "[CLS] question [SEP] header : passage [SEP]". Its embeddings are those of
all-MiniLM-L6-v2 and stay as they are; the layers above are trained (`scripts/train_reader.py`).
A sentence is the mean of its tokens' states. The heads give a logit for every sentence, one for
"no sentence here answers" (null), and start and end logits for a short answer. Sentence logit minus
null logit compares sentences of different passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chatbot.corpus import Span

QUESTION_PIECES = 64
HEADER_CHARACTERS = 120
MAX_LENGTH = 384  # word pieces of question, header and passage together


@dataclass(frozen=True)
class Inputs:
    """A batch of question–passage pairs, padded at the right."""

    ids: Tensor  # (B, L)
    mask: Tensor  # (B, L)
    types: Tensor  # (B, L) 0 question, 1 passage
    sentence_of: Tensor  # (B, L) number of the sentence that a token belongs to, -1 for none
    offsets: NDArray[np.int64]  # (B, L, 2) characters of the passage that a token stands for; 0, 0 outside it
    sentences: int  # most sentences in a passage of the batch


class ReaderNetwork(nn.Module):
    def __init__(self, backbone: nn.Module, width: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.sentence = nn.Sequential(nn.Linear(2 * width, 256), nn.GELU(), nn.Linear(256, 1))
        self.null = nn.Linear(width, 1)
        self.span = nn.Linear(width, 2)

    def forward(self, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
        """Sentence logits (B, S), -inf for padding; null logits (B,); start and end logits (B, L, 2)."""
        states = self.backbone(
            input_ids=inputs.ids, attention_mask=inputs.mask, token_type_ids=inputs.types
        ).last_hidden_state  # (B, L, width)
        numbers = torch.arange(inputs.sentences, device=inputs.ids.device)
        members = (inputs.sentence_of[:, None, :] == numbers[None, :, None]).to(states.dtype)  # (B, S, L)
        sizes = members.sum(-1, keepdim=True)  # (B, S, 1)
        means = members @ states / sizes.clamp(min=1)  # (B, S, width)
        first = states[:, :1].expand(-1, inputs.sentences, -1)
        logits = self.sentence(torch.cat([means, first], -1)).squeeze(-1).float()
        logits = logits.masked_fill(sizes.squeeze(-1) == 0, float("-inf"))
        spans = self.span(states).float()
        spans = spans.masked_fill((inputs.sentence_of < 0)[..., None], float("-inf"))
        return logits, self.null(states[:, 0]).squeeze(-1).float(), spans


def build_network(folder: Path) -> ReaderNetwork:
    """An untrained network on the weights of the model in `folder`; its embeddings are frozen."""
    from transformers import AutoModel

    backbone = AutoModel.from_pretrained(folder, local_files_only=True)
    backbone.pooler = None
    backbone.embeddings.requires_grad_(False)
    return ReaderNetwork(backbone, backbone.config.hidden_size)


def encode_pairs(
    tokenizer: Any,
    questions: Sequence[str],
    headers: Sequence[str],
    texts: Sequence[str],
    sentences: Sequence[Sequence[Span]],
) -> Inputs:
    """Pairs as the network reads them; `sentences` are characters of the passage, half-open."""
    prefixes = [f"{header[:HEADER_CHARACTERS]} : " if header else "" for header in headers]
    short = tokenizer(list(questions), add_special_tokens=False, truncation=True, max_length=QUESTION_PIECES)
    asked = [
        question if len(pieces) < QUESTION_PIECES else tokenizer.decode(pieces)
        for question, pieces in zip(questions, short["input_ids"], strict=True)
    ]
    encoded = tokenizer(
        asked,
        [prefix + text for prefix, text in zip(prefixes, texts, strict=True)],
        truncation="only_second",
        max_length=MAX_LENGTH,
        padding=True,
        return_offsets_mapping=True,
        return_token_type_ids=True,
        return_tensors="pt",
    )
    offsets = encoded["offset_mapping"].numpy()  # (B, L, 2)
    offsets -= np.array([len(prefix) for prefix in prefixes])[:, None, None]
    inside = (
        (encoded["token_type_ids"].numpy() == 1)
        & (offsets[..., 0] >= 0)
        & (offsets[..., 0] < offsets[..., 1])
    )
    offsets[~inside] = 0
    sentence_of = np.full(inside.shape, -1)
    for row, spans in enumerate(sentences):
        if spans:
            bounds = np.array(spans)  # (sentences, 2)
            begins = offsets[row, :, 0]
            # the last sentence that begins before it
            last = np.searchsorted(bounds[:, 0], begins, "right") - 1
            within = inside[row] & (last >= 0) & (begins < bounds[last, 1])
            sentence_of[row, within] = last[within]
    return Inputs(
        encoded["input_ids"],
        encoded["attention_mask"],
        encoded["token_type_ids"],
        torch.from_numpy(sentence_of),
        offsets,
        max((len(spans) for spans in sentences), default=0),
    )
