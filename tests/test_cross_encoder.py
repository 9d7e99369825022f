"""What the network is given: which sentence each token belongs to, and what it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from chatbot.cross_encoder import MAX_LENGTH, QUESTION_PIECES, encode_pairs
from chatbot.encoder import packaged_model

TEXT = "* Tea. Rice is good. End"
SENTENCES = [(2, 6), (7, 20)]  # neither the list's mark nor what follows the second belongs to one


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(packaged_model(), local_files_only=True)


@pytest.mark.parametrize("header", ["", "Food: what we eat"])
def test_tokens_by_hand(tokenizer: Any, header: str) -> None:
    inputs = encode_pairs(tokenizer, ["Who?"], [header], [TEXT], [SENTENCES])
    words = [TEXT[a:b] for a, b in inputs.offsets[0] if b]
    assert words == ["*", "Tea", ".", "Rice", "is", "good", ".", "End"]
    of_words = inputs.sentence_of[0].numpy()[inputs.offsets[0][:, 1] > 0]
    assert of_words.tolist() == [-1, 0, 0, 1, 1, 1, 1, -1]
    assert (inputs.sentence_of[0].numpy()[inputs.offsets[0][:, 1] == 0] == -1).all()
    assert inputs.sentences == 2


def test_a_pair_is_the_same_alone_and_among_others(tokenizer: Any) -> None:
    texts = [TEXT, "A longer text. " * 20]
    spans = [SENTENCES, [(15 * n, 15 * n + 14) for n in range(20)]]
    both = encode_pairs(tokenizer, ["Who?", "Who?"], ["Food", ""], texts, spans)
    alone = encode_pairs(tokenizer, ["Who?"], ["Food"], texts[:1], spans[:1])
    length = alone.ids.shape[1]
    assert both.ids[0, :length].tolist() == alone.ids[0].tolist()
    np.testing.assert_array_equal(both.offsets[0, :length], alone.offsets[0])
    assert both.sentence_of[0, :length].tolist() == alone.sentence_of[0].tolist()
    assert not both.mask[0, length:].any()
    assert (both.sentence_of[0, length:] == -1).all()
    assert not both.offsets[0, length:].any()
    assert [int((both.sentence_of[1] == n).sum()) for n in range(20)] == [4] * 20


def test_what_is_cut_off_belongs_to_no_sentence_and_a_long_question_leaves_room(tokenizer: Any) -> None:
    text = "A longer text. " * 200
    spans = [(15 * n, 15 * n + 14) for n in range(200)]
    inputs = encode_pairs(tokenizer, ["why " * 500], [""], [text], [spans])
    assert inputs.ids.shape == (1, MAX_LENGTH)
    assert int((inputs.types[0] == 0).sum()) == QUESTION_PIECES + 2
    read = inputs.sentence_of[0].unique().tolist()
    assert read == [-1, *range(len(read) - 1)]
    assert len(read) < 100


def test_a_passage_without_sentences_has_none(tokenizer: Any) -> None:
    inputs = encode_pairs(tokenizer, ["Who?"], [""], ["Tea."], [[]])
    assert (inputs.sentences, inputs.sentence_of.unique().tolist()) == (0, [-1])
