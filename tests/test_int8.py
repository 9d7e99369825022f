"""BERT in bytes: near to BERT in floats, the same whatever stands beside a text, and never more than fits in."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from chatbot import int8
from chatbot.int8 import Int8Bert, rounded_weights
from chatbot.packed import PackedBert

LENGTHS = [2, 7, 7, 40]


def new_bert(**settings: object) -> BertModel:
    torch.manual_seed(3)
    config = BertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        vocab_size=99,
        **settings,
    )
    return BertModel(config, add_pooling_layer=False).eval()


def embedded() -> torch.Tensor:
    return torch.randn(sum(LENGTHS), 32, generator=torch.Generator().manual_seed(1))


def test_weights_are_whole_numbers_of_steps_by_channel() -> None:
    step, rounded = rounded_weights(torch.tensor([[1.27, -0.634, 0.0], [-254.0, 2.0, 0.9], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(step[:2], [0.01, 2.0], rtol=1e-6)
    assert rounded.tolist() == [[127, -63, 0], [-127, 1, 0], [0, 0, 0]]
    assert step[2] > 0


def test_states_are_near_to_those_in_floats() -> None:
    states = embedded()
    with torch.inference_mode():
        expected = PackedBert(new_bert()).layers(states, LENGTHS)
        found = Int8Bert(new_bert()).layers(states, LENGTHS)
    cosines = torch.nn.functional.cosine_similarity(expected, found, dim=1)
    assert found.dtype == torch.float32
    assert cosines.min() > 0.999


def test_a_large_number_in_one_token_costs_the_others_nothing() -> None:
    states = embedded()
    loud = states.clone()
    loud[0, 5] = 1000.0  # in the first text
    network = Int8Bert(new_bert())
    with torch.inference_mode():
        alone, beside = network.layers(states, LENGTHS), network.layers(loud, LENGTHS)
        one = network.layers(states[2:9], [7])
    assert torch.equal(alone[2:], beside[2:])
    torch.testing.assert_close(one, alone[2:9], atol=1e-5, rtol=0)
    assert not torch.allclose(alone[:2], beside[:2])


def test_a_token_of_equal_values_is_no_division_by_nothing() -> None:
    states = torch.zeros(3, 32)
    with torch.inference_mode():
        found = Int8Bert(new_bert()).layers(states, [3])
        torch.testing.assert_close(found, PackedBert(new_bert()).layers(states, [3]), atol=0.05, rtol=0)


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"architecture": "x86_64", "avx2": True}, 127),
        ({"architecture": "x86_64", "avx_vnni": True}, 255),
        ({"architecture": "x86_64", "avx512_vnni": True}, 255),
        ({"architecture": "aarch64"}, 255),
    ],
)
def test_two_products_fit_into_16_bits_where_they_must(
    able: dict[str, object], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert int8.levels() == expected
    assert expected == 255 or 2 * expected * 127 <= 2**15 - 1


def test_with_half_the_steps_they_are_near_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "levels", lambda: 127)
    states = embedded()
    with torch.inference_mode():
        found = Int8Bert(new_bert()).layers(states, LENGTHS)
        expected = PackedBert(new_bert()).layers(states, LENGTHS)
    assert torch.nn.functional.cosine_similarity(expected, found, dim=1).min() > 0.998


def test_a_copy_of_what_holds_it_reads_the_same() -> None:
    states, network = embedded(), Int8Bert(new_bert())
    held = torch.nn.ModuleDict({"network": network})
    copied = copy.deepcopy(held)
    assert copied is not held
    with torch.inference_mode():
        assert torch.equal(copied["network"].layers(states, LENGTHS), network.layers(states, LENGTHS))
