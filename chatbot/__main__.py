"""python -m chatbot: serve the page, ask a question, verify an answer."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chatbot import __version__
from chatbot.errors import ChatbotError, QuestionError


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 a citation that no longer holds, 2 an error that is told on standard error."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except ChatbotError as error:
        print(f"chatbot: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chatbot",
        description="Answers questions from documents, in their own words, with citations.",
    )
    parser.add_argument("--version", action="version", version=f"footnote-chatbot {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="open the chat page in a browser")
    _add_places(serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    serve.add_argument("--port", type=_port, default=7860, help="port to listen at (default: %(default)s)")
    serve.add_argument("--open", action="store_true", help="open the page in the browser")
    serve.set_defaults(run=_serve)

    ask = commands.add_parser("ask", help="answer one question, or a batch of them")
    ask.add_argument("question", nargs="?", help="the question; left out with --batch")
    _add_places(ask)
    ask.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    ask.add_argument(
        "--batch",
        action="store_true",
        help='read {"id", "question", "history"} a line from standard input, write one answer a line (with --json)',
    )
    ask.set_defaults(run=_ask)

    verify = commands.add_parser("verify", help="check the citations of a saved answer against the index")
    verify.add_argument("answer", type=Path, metavar="ANSWER.json", help="what ask --json printed")
    _add_places(verify)
    verify.set_defaults(run=_verify)
    return parser


def _add_places(parser: argparse.ArgumentParser) -> None:
    home = default_home()
    parser.add_argument(
        "--corpus", type=Path, default=home / "corpus", help="folder of documents (default: corpus)"
    )
    parser.add_argument(
        "--index", type=Path, default=home / "index", help="folder of the index (default: index)"
    )
    parser.add_argument("--model", help="a sentence-transformers model or folder (default: all-MiniLM-L6-v2)")


def default_home() -> Path:
    """Where corpus/ and index/ lie: the checkout that this package is run from, else the working folder."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "corpus").is_dir() and (checkout / "pyproject.toml").is_file() else Path()


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return port


def _serve(options: argparse.Namespace) -> int:
    from chatbot.app import require_free_port, serve
    from chatbot.collection import Collection

    require_free_port(options.host, options.port)
    collection = Collection(options.corpus.resolve().name, options.corpus, options.index, _open(options))
    serve([collection], host=options.host, port=options.port, open_browser=options.open)
    return 0


def _ask(options: argparse.Namespace) -> int:
    if options.batch == bool(options.question):
        raise QuestionError("give a question, or --batch and questions on standard input")
    chatbot = _open(options)
    if options.batch:
        for number, line in enumerate(sys.stdin, 1):
            if line.strip():
                print(json.dumps(_batch_answer(chatbot, line, number), ensure_ascii=False), flush=True)
        return 0
    answer = chatbot.answer(options.question)
    if options.json:
        print(json.dumps({"id": "", **answer.to_json()}, ensure_ascii=False, indent=2))
    else:
        print(as_text(answer.to_json()))
    return 0


def _batch_answer(chatbot: Any, line: str, number: int) -> dict[str, Any]:
    """The answer to one line; for a line that cannot be answered its id and an "error"."""
    query_id = str(number)
    try:
        asked = json.loads(line)
        if not isinstance(asked, dict):
            raise QuestionError("expected a JSON object")
        query_id = str(asked.get("id", number))
        question, history = asked.get("question"), asked.get("history") or []
        if not isinstance(question, str) or not all(isinstance(turn, str) for turn in history):
            raise QuestionError('expected "question", a string, and "history", a list of strings')
        return {"id": query_id, **chatbot.answer(question, history).to_json()}
    except (ChatbotError, json.JSONDecodeError) as error:
        return {"id": query_id, "error": f"standard input, line {number}: {error}"}


def _verify(options: argparse.Namespace) -> int:
    from chatbot.answer import verify
    from chatbot.encoder import load_encoder
    from chatbot.index import PassageIndex

    try:
        answer = json.loads(options.answer.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise QuestionError(f"{options.answer} cannot be read as JSON ({error})") from error
    verdicts = verify(answer, PassageIndex.open(options.index, load_encoder(options.model)))
    for verdict in verdicts:
        print(f"[{verdict.number}] {verdict.state:8} {verdict.doc_id}: {verdict.detail}")
    return 0 if all(verdict.state in {"valid", "moved"} for verdict in verdicts) else 1


def _open(options: argparse.Namespace) -> Any:
    """The chatbot on an index that is brought up to the corpus first."""
    from chatbot.answer import Chatbot
    from chatbot.encoder import load_encoder
    from chatbot.index import build_index
    from chatbot.progress import build_bar
    from chatbot.reader import load_network_reader

    encoder = load_encoder(options.model)
    with build_bar(always=True) as progress:
        report = build_index(options.corpus, options.index, encoder, progress=progress)
    if report.embedded or report.removed:
        print(report, file=sys.stderr)
        for item in report.unread:
            print(f"not read: {item.path} {item.reason}", file=sys.stderr)
    network = load_network_reader()
    if network is None:
        print("The trained reader's weights are missing; sentences are chosen without it.", file=sys.stderr)
    return Chatbot(options.index, encoder, network)


def as_text(answer: dict[str, Any]) -> str:
    """An answer's JSON as a person reads it in a terminal."""
    lines = []
    if answer["standalone_question"] != answer["question"]:
        lines.append(f"Understood as: {answer['standalone_question']}")
    if answer["short_answer"]:
        lines.append(answer["short_answer"])
    lines.append(answer["text"])
    missing = answer["not_found"]
    if missing:
        searched = missing["searched"]
        lines.append(f"Searched {searched['passages']:,} passages of {searched['documents']:,} documents.")
        if missing["missing_terms"]:
            lines.append("Nowhere in them: " + ", ".join(missing["missing_terms"]))
    sources = [f"[{c['number']}] {c['title']} ({c['source']})" for c in answer["citations"]]
    return "\n\n".join(part for part in ("\n".join(lines), "\n".join(sources)) if part)


if __name__ == "__main__":
    sys.exit(main())
