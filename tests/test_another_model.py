"""An index of another sentence-transformers model than the packaged one: built, searched, and told from others."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import rebuild_index
from conftest import FILES
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import Tokenizer

from chatbot.answer import Chatbot
from chatbot.encoder import SentenceTransformerEncoder, load_encoder, packaged_model
from chatbot.errors import IndexMismatch
from chatbot.index import PassageIndex, current_generation, read_manifest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first three layers of the packaged model, prompts, and 128 numbers a text but 384 a token."""
    model = SentenceTransformer(str(packaged_model()), device="cpu")
    bert = model[0].model
    bert.encoder.layer = bert.encoder.layer[:3]
    bert.config.num_hidden_layers = 3
    narrow = modules.Dense(384, 128, bias=False)
    made = SentenceTransformer(
        modules=[model[0], model[1], narrow, modules.Normalize()],
        prompts={"query": "query: ", "document": "passage: "},
    )
    folder = tmp_path_factory.mktemp("models") / "shallow"
    made.save(str(folder))
    return folder


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vector for each word piece, whose mean is that of a text; it has no tokens to compare."""
    pieces = Tokenizer.from_file(str(packaged_model() / "tokenizer.json"))
    pieces.no_padding()
    pieces.no_truncation()
    weights = np.random.default_rng(3).normal(size=(pieces.get_vocab_size(), 96)).astype(np.float32)
    folder = tmp_path_factory.mktemp("models") / "static"
    SentenceTransformer(modules=[modules.StaticEmbedding(pieces, embedding_weights=weights)]).save(
        str(folder)
    )
    return folder


@pytest.fixture(scope="module", params=["shallow", "static"])
def model(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, model: str) -> tuple[Path, Path]:
    """(corpus, index) of FILES, built by the script."""
    folder = tmp_path_factory.mktemp("another")
    corpus, index = folder / "corpus", folder / "index"
    corpus.mkdir()
    for name, text in FILES.items():
        (corpus / name).write_text(str(text), encoding="utf-8")
    assert rebuild_index.main(["--corpus", str(corpus), "--index", str(index), "--model", model]) == 0
    return corpus, index


def test_it_is_recorded_and_answers_in_the_words_of_the_documents(
    indexed: tuple[Path, Path], model: str
) -> None:
    manifest = read_manifest(indexed[1], current_generation(indexed[1]))
    name = os.path.basename(model)
    assert (manifest["encoder"]["name"], manifest["encoder"]["dim"]) == (
        name,
        {"shallow": 128, "static": 96}[name],
    )
    assert manifest["token_bytes"] == {"shallow": 384 // 8, "static": 0}[name]
    bot = Chatbot.open(indexed[1], model)
    answer = bot.answer("How long is the Missouri?")
    assert answer.hits[0].passage.doc_id == "ships.md"
    assert answer.citations
    for citation in answer.citations:
        assert bot.index.document(citation.doc_id).text[citation.start : citation.end] == citation.quote
    assert answer.index["encoder"].startswith(name)


def test_nothing_is_embedded_again_and_the_check_knows_its_model(
    indexed: tuple[Path, Path], model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--corpus", str(indexed[0]), "--index", str(indexed[1])]
    assert rebuild_index.main([*places, "--model", model, "--check"]) == 0
    assert rebuild_index.main([*places, "--check"]) == 1  # of the packaged one it would be another
    capsys.readouterr()
    (indexed[0] / "more.txt").write_text("The Ussuri is a river too.")
    assert rebuild_index.main([*places, "--model", model]) == 0
    assert "1 embedded, 4 reused" in capsys.readouterr().out


def test_another_encoder_is_refused_with_the_remedy(indexed: tuple[Path, Path]) -> None:
    with pytest.raises(IndexMismatch, match="all-MiniLM-L6-v2") as refused:
        PassageIndex.open(indexed[1], load_encoder())
    assert "rebuild_index.py" in str(refused.value)


def test_prompts_go_before_texts_and_are_in_the_identity(shallow: Path) -> None:
    encoder = SentenceTransformerEncoder(str(shallow))
    assert encoder.identity["prompts"] == {"query": "query: ", "document": "passage: "}
    query, passage = encoder.encode_queries(["Tea"])[0], encoder.encode_passages(["Tea"])[0]
    assert not np.allclose(query, passage, atol=1e-3)
    encoded = encoder.encode_query("Green tea")
    assert [("Green tea")[a:b] for a, b in encoded.spans if b] == ["Green", "tea"]
    assert (encoder.dim, encoded.vector.shape, encoded.tokens.shape[1]) == (128, (128,), 384)
    assert json.loads((shallow / "config_sentence_transformers.json").read_text())["prompts"]["query"]
