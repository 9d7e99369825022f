"""BERT without padding gives the states of BERT."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

from chatbot.encoder import INT8, _read_without_padding, load_encoder
from chatbot.int8 import Int8Bert
from chatbot.packed import PackedBert, PreparedBert

LENGTHS = (2, 63, 64, 65, 200)


@pytest.fixture(scope="module")
def bert() -> BertModel:
    torch.manual_seed(3)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=99
    )
    return BertModel(config, add_pooling_layer=False).eval()


def texts(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and types of texts of `LENGTHS`, and of a last one that is full; `seed` only fills the padding."""
    draw, fill = torch.Generator().manual_seed(1), torch.Generator().manual_seed(seed)
    size = (len(LENGTHS), max(LENGTHS))
    mask = (torch.arange(size[1]) < torch.tensor(LENGTHS)[:, None]).long()
    ids = torch.where(
        mask.bool(), torch.randint(99, size, generator=draw), torch.randint(99, size, generator=fill)
    )
    return ids, mask, torch.randint(2, size, generator=draw)


def test_states_are_those_of_the_padded_network_and_0_at_padding(bert: BertModel) -> None:
    ids, mask, types = texts(seed=5)
    with torch.inference_mode():
        expected = bert(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        found = PackedBert(bert)(ids, mask, types).last_hidden_state
    torch.testing.assert_close(found, expected * mask[..., None], atol=1e-5, rtol=0)


def test_what_stands_in_the_padding_and_beside_a_text_changes_nothing(bert: BertModel) -> None:
    packed = PackedBert(bert)
    ids, mask, types = texts(seed=5)
    with torch.inference_mode():
        found = packed(ids, mask, types).last_hidden_state
        torch.testing.assert_close(packed(texts(seed=6)[0], mask, types).last_hidden_state, found)
        for row, length in enumerate(LENGTHS):
            alone = packed(
                ids[row : row + 1, :length], mask[row : row + 1, :length], types[row : row + 1, :length]
            )
            torch.testing.assert_close(alone.last_hidden_state[0], found[row, :length], atol=1e-5, rtol=0)


def test_dropout_acts_only_while_it_trains(bert: BertModel) -> None:
    packed = PackedBert(bert, dropout=0.5).eval()
    ids, mask, types = texts(seed=5)
    with torch.inference_mode():
        still = PackedBert(bert)(ids, mask, types).last_hidden_state
        torch.testing.assert_close(packed(ids, mask, types).last_hidden_state, still)
        try:
            moved = packed.train()(ids, mask, types).last_hidden_state
        finally:
            bert.eval()
    assert not torch.allclose(moved, still, atol=1e-3)


def test_prepared_for_reading_it_gives_the_same_states(bert: BertModel) -> None:
    ids, mask, types = texts(seed=5)
    with torch.inference_mode():
        expected = PackedBert(bert)(ids, mask, types).last_hidden_state
        found = PreparedBert(bert)(ids, mask, types).last_hidden_state
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
        rough = copy.deepcopy(bert).to(torch.bfloat16)
        expected = PackedBert(rough)(ids, mask, types).last_hidden_state
        found = PreparedBert(rough)(ids, mask, types).last_hidden_state
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0.02)  # of numbers up to 3


def test_other_activations_than_gelu_are_kept(bert: BertModel) -> None:
    other = BertModel(BertConfig(**{**bert.config.to_dict(), "hidden_act": "relu"}), add_pooling_layer=False)
    other = other.eval().to(torch.bfloat16)
    ids, mask, types = texts(seed=5)
    with torch.inference_mode():
        expected = PackedBert(other)(ids, mask, types).last_hidden_state
        found = PreparedBert(other)(ids, mask, types).last_hidden_state
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0.02)


@pytest.mark.parametrize(
    "kernel",
    [
        SimpleNamespace(),
        SimpleNamespace(
            _reorder_linear_weight=lambda weight, tokens: weight,
            _linear_pointwise=lambda states, weight, bias, *rest: states @ weight.T,  # forgets the bias
        ),
    ],
)
def test_where_torch_has_another_kernel_or_none_the_plain_way_remains(
    bert: BertModel, kernel: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    rough = copy.deepcopy(bert).to(torch.bfloat16)
    torch.nn.init.ones_(rough.encoder.layer[0].attention.output.dense.bias)
    ids, mask, types = texts(seed=5)
    with torch.inference_mode():
        expected = PackedBert(rough)(ids, mask, types).last_hidden_state
        monkeypatch.setattr(torch.ops, "mkldnn", kernel)
        found = PreparedBert(rough)(ids, mask, types).last_hidden_state
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0.02)


def test_without_types_all_are_of_the_first(bert: BertModel) -> None:
    ids, mask, types = texts(seed=5)
    with torch.inference_mode():
        expected = PackedBert(bert)(ids, mask, torch.zeros_like(types)).last_hidden_state
        torch.testing.assert_close(PackedBert(bert)(ids, mask).last_hidden_state, expected)


def test_a_bert_whose_layers_are_all_wanted_stays_as_it_is(bert: BertModel) -> None:
    deep = BertModel(BertConfig(**{**bert.config.to_dict(), "output_hidden_states": True}))
    model = [SimpleNamespace(model=deep)]
    assert _read_without_padding(model, "bfloat16") == "bfloat16"
    assert _read_without_padding(model, INT8) == "float32"
    assert model[0].model is deep


def test_other_networks_than_bert_stay_as_they_are(bert: BertModel) -> None:
    other = DistilBertModel(DistilBertConfig(dim=32, n_layers=1, n_heads=4, hidden_dim=64, vocab_size=99))
    models = [[SimpleNamespace(model=bert)], [SimpleNamespace(model=other)], [SimpleNamespace()]]
    assert [_read_without_padding(model, "float32") for model in models] == ["float32"] * 3
    assert isinstance(models[0][0].model, PreparedBert)
    assert models[1][0].model is other
    assert vars(models[2][0]) == {}


def test_in_int_8_is_a_bert_with_gelu_and_others_are_in_float_32(bert: BertModel) -> None:
    settings = bert.config.to_dict()
    able, other = (
        BertModel(BertConfig(**{**settings, "hidden_act": act}), add_pooling_layer=False).eval()
        for act in ("gelu", "relu")
    )
    models = [[SimpleNamespace(model=able)], [SimpleNamespace(model=other)], [SimpleNamespace()]]
    assert [_read_without_padding(model, INT8) for model in models] == [INT8, "float32", "float32"]
    assert isinstance(models[0][0].model, Int8Bert)
    assert isinstance(models[1][0].model, PreparedBert)


@pytest.mark.slow
def test_the_default_encoder_reads_without_padding() -> None:
    assert isinstance(load_encoder()._model[0].model, PackedBert)
