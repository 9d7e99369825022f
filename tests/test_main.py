"""The commands, run as a user runs them: real model, real index, small corpus."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import FILES, ROOT, HashEncoder

from chatbot.__main__ import as_text, main
from chatbot.index import build_index

QUESTION = "When did the Soviet Union declare war on Japan?"
ARTICLES = ("soviet-declaration-of-war-on-japan.md", "hiroshima.md", "kyujo-incident.md")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=240)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """--corpus and --index of three articles, built."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "corpus").mkdir()
    for name in ARTICLES:
        shutil.copy(ROOT / "corpus" / "articles" / name, folder / "corpus" / name)
    arguments = ["--corpus", str(folder / "corpus"), "--index", str(folder / "index")]
    built = run("scripts/rebuild_index.py", *arguments)
    assert built.returncode == 0, built.stderr
    assert re.match(r"3 documents, \d+ passages: \d+ embedded, 0 reused, 0 removed in [\d.]+ s", built.stdout)
    return arguments


@pytest.mark.slow
def test_ask_answers_with_a_quote_and_its_source(
    places: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", QUESTION, *places]) == 0
    told = capsys.readouterr().out
    assert "8 August 1945" in told
    assert "[1] The Soviet declaration of war on Japan (soviet-declaration-of-war-on-japan.md)" in told


@pytest.fixture(scope="module")
def asked(places: list[str]) -> str:
    """What `ask --json` prints."""
    return run("-m", "chatbot", "ask", "--json", QUESTION, *places).stdout


def test_a_line_of_a_batch_that_no_json_reader_takes_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("chatbot.__main__._open", lambda options: None)
    monkeypatch.setattr(sys, "stdin", ['{"id": ' + "1" * 5_000 + "}", "[" * 100_000])
    assert main(["ask", "--json", "--batch"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["id"], line["error"][:22]) for line in told] == [
        ("1", "standard input, line 1"),
        ("2", "standard input, line 2"),
    ]


def test_pipes_are_in_utf_8_whatever_the_system_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Windows program's pipe is in cp1252, which has no Japanese; a byte that is no UTF-8 ends no batch."""
    asked = '{"id": "東京", "question": 5}\n'.encode() + b'{"id": "caf\xe9", "question": 5}\n'
    told = io.BytesIO()
    monkeypatch.setattr("chatbot.__main__._open", lambda options: None)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(asked), encoding="cp1252"))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(told, encoding="cp1252"))
    assert main(["ask", "--json", "--batch"]) == 0
    assert [json.loads(line)["id"] for line in told.getvalue().splitlines()] == ["東京", "caf\ufffd"]


def test_a_reader_that_goes_away_ends_a_batch_without_a_traceback() -> None:
    program = (
        "import sys; import chatbot.__main__ as commands; commands._open = lambda options: None;"
        "sys.exit(commands.main(['ask', '--json', '--batch']))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-c", program], input=b"{broken\n", stdout=writing, stderr=subprocess.PIPE, cwd=ROOT
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_each_answer_of_an_exported_conversation_is_verified(
    built: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quotes = ["Oaks grow slowly.", "Oaks grow fast."]
    start = FILES["trees.md"].index(quotes[0])  # type: ignore[arg-type]
    cited = [
        {"number": 1, "doc_id": "trees.md", "start": start, "end": start + len(quote), "quote": quote}
        for quote in quotes
    ]
    saved = tmp_path / "conversation.json"
    receipts = [{"question": f"Question {n}?", "citations": [one]} for n, one in enumerate(cited)]
    saved.write_text(json.dumps({"receipts": receipts}))
    corpus, index = map(str, built)
    assert main(["verify", str(saved), "--corpus", corpus, "--index", index]) == 1
    told = [line.split(" trees.md")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == ["Question 0?", "[1] valid   ", "Question 1?", "[1] changed "]
    saved.write_text('{"receipts": 3}')
    assert main(["verify", str(saved), "--corpus", corpus, "--index", index]) == 2
    assert '"receipts" is not a list' in capsys.readouterr().err


def test_verify_tells_when_the_index_is_older_than_the_documents(
    make_corpus: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = make_corpus({"a.md": "Oaks grow slowly.\n"})
    build_index(corpus, tmp_path / "index", HashEncoder())
    saved = tmp_path / "answer.json"
    cited = {"number": 1, "doc_id": "a.md", "start": 0, "end": 17, "quote": "Oaks grow slowly."}
    saved.write_text(json.dumps({"citations": [cited]}))
    argv = ["verify", str(saved), "--corpus", str(corpus), "--index", str(tmp_path / "index")]
    for text, warned in (("Oaks grow slowly.\n", False), ("Oaks grow fast.\n", True)):
        (corpus / "a.md").write_text(text)
        assert main(argv) == 0
        told = capsys.readouterr()
        assert told.out.startswith("[1] valid ")
        assert ("the index is older than the documents (files of the corpus: 1 changed" in told.err) == warned
    saved.write_text("{}")
    assert main(argv) == 2
    assert 'it has no "citations"' in capsys.readouterr().err


def test_sources_are_told_with_their_headings_and_pages() -> None:
    cited = {
        "number": 1,
        "title": "Manual",
        "section": "Manual › Firmware 3.1.2",
        "source": "m.pdf",
        "page": 4,
    }
    answer = dict.fromkeys(("question", "standalone_question", "short_answer", "not_found"), "")
    told = as_text({**answer, "text": "It is mended. [1]", "citations": [cited]})
    assert told == "It is mended. [1]\n\n[1] Manual › Firmware 3.1.2, page 4 (m.pdf)"


def test_an_answer_without_citations_is_told_to_have_none(
    built: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = tmp_path / "refused.json"
    refused.write_text('{"status": "not_found", "citations": []}')
    corpus, index = map(str, built)
    assert main(["verify", str(refused), "--corpus", corpus, "--index", index]) == 0
    assert capsys.readouterr().out == "The answer cites nothing that could be checked.\n"


@pytest.mark.slow
def test_batch_answers_every_line_as_alone_and_names_the_broken_one(
    places: list[str], asked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        json.dumps({"id": "a", "question": QUESTION}),
        "{broken",
        json.dumps({"id": "b", "question": "Who led it?", "history": ["What was the Kyujo incident?"]}),
        json.dumps({"id": "c", "question": "   "}),
        json.dumps({"id": "d", "question": "Who led it?", "history": "What was the Kyujo incident?"}),
        json.dumps({"id": "e\ud83d", "question": "Who led it?", "history": 5}),
    ]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines)))
    assert main(["ask", "--json", "--batch", *places]) == 0
    answers: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "2", "b", "c", "d", "e?"]
    assert "line 2" in answers[1]["error"]
    assert "Kyujo" in answers[2]["standalone_question"]
    assert "type a question" in answers[3]["error"]
    assert all('"history", a list of strings' in answer["error"] for answer in answers[4:])
    first, alone = answers[0], json.loads(asked)  # of another process
    assert first["status"] == "answered"
    assert first.pop("milliseconds").keys() == alone.pop("milliseconds").keys()
    assert first == alone | {"id": "a"}


@pytest.mark.slow
def test_verify_tells_a_true_citation_from_a_false_one(places: list[str], asked: str, tmp_path: Path) -> None:
    saved = tmp_path / "answer.json"
    saved.write_text(asked)
    verified = run("-m", "chatbot", "verify", str(saved), *places)
    assert verified.returncode == 0
    assert "valid" in verified.stdout
    answer = json.loads(saved.read_text())
    answer["citations"][0]["quote"] = "Japan declared war on the Soviet Union."
    saved.write_text(json.dumps(answer))
    verified = run("-m", "chatbot", "verify", str(saved), *places)
    assert verified.returncode == 1
    assert "changed" in verified.stdout


HEAVY = "{'torch', 'sentence_transformers', 'transformers', 'gradio'}"


def test_verify_needs_no_model(built: tuple[Path, Path], tmp_path: Path) -> None:
    quote = "Oaks grow slowly."
    start = FILES["trees.md"].index(quote)  # type: ignore[arg-type]
    citation = {"number": 1, "doc_id": "trees.md", "start": start, "end": start + len(quote), "quote": quote}
    (tmp_path / "answer.json").write_text(json.dumps({"citations": [citation]}))
    argv = ["verify", str(tmp_path / "answer.json"), "--index", str(built[1])]
    verified = run(
        "-c",
        f"import sys; from chatbot.__main__ import main; print(main({argv}), {HEAVY} & sys.modules.keys())",
    )
    assert verified.stdout.splitlines()[1:] == ["0 set()"], verified.stderr
    assert verified.stdout.startswith("[1] valid")


@pytest.mark.parametrize("program", ["chatbot/__main__.py", "scripts/rebuild_index.py"])
def test_help_loads_nothing_heavy(program: str) -> None:
    shown = run(
        "-c",
        f"import atexit, runpy, sys; sys.argv = [{program!r}, '--help'];"
        f" atexit.register(lambda: print({HEAVY} & sys.modules.keys())); runpy.run_path({program!r}, None, '__main__')",
    )
    assert shown.stdout.endswith("set()\n"), shown.stderr


@pytest.mark.slow
def test_check_exits_1_when_a_document_has_changed(places: list[str]) -> None:
    assert run("scripts/rebuild_index.py", "--check", *places).returncode == 0
    added = Path(places[1]) / "added.txt"
    added.write_text("One more document.")
    try:
        checked = run("scripts/rebuild_index.py", "--check", *places)
        assert checked.returncode == 1
        assert "added.txt" in checked.stdout
    finally:
        added.unlink()


def test_a_missing_corpus_is_told_in_one_line_before_a_model_is_loaded(tmp_path: Path) -> None:
    argv = ["ask", "x", "--corpus", str(tmp_path / "none"), "--index", str(tmp_path / "i")]
    asked = run(
        "-c",
        f"import sys; from chatbot.__main__ import main; print(main({argv}), {HEAVY} & sys.modules.keys())",
    )
    assert asked.stdout == "2 set()\n"
    assert asked.stderr.startswith("chatbot: no corpus folder at")
    assert asked.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [[], ["serve"], ["ask"], ["verify"]])
def test_help_names_the_options(command: list[str]) -> None:
    shown = run("-m", "chatbot", *command, "--help")
    assert shown.returncode == 0
    expected = ["--corpus", "--index", "--model"] if command else ["serve", "ask", "verify"]
    assert all(word in shown.stdout for word in expected)


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    built = run("-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path))
    assert built.returncode == 0, built.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    needed = {
        "__main__.py",
        "parameters.json",
        "app/assets/page.css",
        "app/assets/page.js",
        "weights/reader.safetensors",
    }
    assert {f"chatbot/{name}" for name in needed} <= set(names)
    assert all(name.startswith(("chatbot/", "footnote_chatbot-")) for name in names)


def test_scripts_can_be_run() -> None:
    assert all(os.access(ROOT / path, os.X_OK) for path in ("scripts/chat", "scripts/test", ".ci/run"))


def test_every_command_of_the_readme_exists(make_corpus: Callable[..., Path]) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"scripts/[a-z_]+(?:\.[a-z]+)?", readme))
    assert {"scripts/chat", "scripts/test", "scripts/rebuild_index.py"} <= named
    assert all((ROOT / path).is_file() for path in named)
