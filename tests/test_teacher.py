"""A larger network reads as its library has it, and what it teaches is what it thinks likely."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
import teacher
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import MPNetConfig, MPNetModel, PreTrainedTokenizerFast

from chatbot.cross_encoder import encode_pairs

WORDS = ["<s>", "<pad>", "</s>", "[UNK]", *"who won the war ? japan lost . it fought".split()]
LENGTHS = (3, 40, 17)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MPNet of random weights, and its tokenizer."""
    made = tmp_path_factory.mktemp("mpnet")
    torch.manual_seed(5)
    config = MPNetConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=6,
        num_attention_heads=4,
        intermediate_size=64,
    )
    MPNetModel(config, add_pooling_layer=False).save_pretrained(made)
    pieces = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    pieces.normalizer, pieces.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=pieces, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="[UNK]"
    ).save_pretrained(made)
    return made


def test_its_states_are_those_of_the_padded_network_and_0_at_padding(folder: Path) -> None:
    model = MPNetModel.from_pretrained(folder, add_pooling_layer=False).eval()
    mask = (torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]).long()
    ids = torch.where(mask.bool(), torch.randint(4, len(WORDS), mask.shape), 1)
    with torch.no_grad():
        expected = model(input_ids=ids, attention_mask=mask).last_hidden_state
        found = teacher.without_padding(model)(ids, mask, torch.zeros_like(ids)).last_hidden_state
    torch.testing.assert_close(found[mask.bool()], expected[mask.bool()], atol=1e-5, rtol=0)
    assert not found[~mask.bool()].any()


def test_it_finds_the_sentences_of_the_passage_and_learns_above_its_lowest_layers(folder: Path) -> None:
    network, tokenizer = teacher.new_network(folder)
    inputs = encode_pairs(tokenizer, ["who won?"], [""], ["Japan lost. It fought."], [[(0, 11), (12, 22)]])
    # <s> who won ? </s> </s> japan lost . it fought . </s>
    numbers = [*[-1] * 6, *[0] * 3, *[1] * 3, -1]
    assert inputs.sentence_of.tolist() == [numbers]
    network.backbone = teacher.without_padding(network.backbone)
    sentences, null, _ = network(inputs)
    (sentences.sum() + null.sum()).backward()
    learned = {
        int(name.split("layer.")[1].split(".")[0])
        for name, p in network.backbone.named_parameters()
        if p.grad is not None
    }
    assert learned == {4, 5}


def test_a_run_is_read_with_the_model_that_it_names(folder: Path, tmp_path: Path) -> None:
    network, _ = teacher.new_network(folder)
    weights = {
        name: torch.full_like(p, 0.5) for name, p in network.named_parameters() if name == "null.weight"
    }
    save_file(weights, tmp_path / "reader.safetensors")
    (tmp_path / "record.json").write_text(json.dumps({"model": str(folder)}), encoding="utf-8")
    read, _ = teacher.load_teacher(tmp_path)
    assert read.null.weight.unique().tolist() == [0.5]


def test_what_was_told_is_read_as_it_was_written(tmp_path: Path) -> None:
    margins = teacher.margins_of(torch.tensor([3.0, -math.inf, 0.26]), torch.tensor(1.0))
    assert margins == (2.0, -20.0, -0.7)  # 0.26 - 1 = -0.74
    told = {("q1", "a.md", 0): margins, ("q1", "b.md", 70): (0.5,), ("q2", "ä\u2028.md", 3): (-1.0, 4.0)}
    teacher.write_told(tmp_path / "told.jsonl", told)
    assert teacher.read_told(tmp_path / "told.jsonl") == told
    sentences, null = teacher.logits_of([(2.0, -20.0, -0.7), (0.5,)], 4)
    inf = math.inf
    assert torch.equal(sentences, torch.tensor([[2.0, -20.0, -0.7, -inf], [0.5, -inf, -inf, -inf]]))
    assert torch.equal(null, torch.zeros(2))


def test_what_is_taught_is_the_likelihood_of_sentences_in_a_passage_and_in_a_question() -> None:
    """Two passages of one question with two and one sentences; the teacher thinks all as likely as none."""
    missing = float("-inf")
    ours = torch.tensor([[math.log(2.0), 0.0], [math.log(4.0), missing]]), torch.tensor([0.0, math.log(2.0)])
    theirs = torch.tensor([[1.0, 1.0], [3.0, missing]]), torch.tensor([1.0, 3.0])
    # ours against none: 2 and 1 in the first passage, 2 in the second
    first = math.log(4 / 3) - (math.log(2)) / 3
    second = math.log(3 / 2) - math.log(2) / 2
    across = math.log(6 / 4) - 2 * math.log(2) / 4
    found = teacher.loss_against(ours, theirs, [2], temperature=1.0)
    assert found.item() == pytest.approx((first + second) / 2 + across)
    assert teacher.loss_against(theirs, theirs, [2], temperature=2.0).item() == pytest.approx(0.0, abs=1e-6)


def test_weights_without_a_record_are_known_by_their_hash(tmp_path: Path) -> None:
    (tmp_path / "reader.safetensors").write_bytes(b"weights")
    assert teacher.record_of(tmp_path) == {"sha256": hashlib.sha256(b"weights").hexdigest()}
    (tmp_path / "record.json").write_text('{"steps": 3}')
    assert teacher.record_of(tmp_path) == {"steps": 3}
