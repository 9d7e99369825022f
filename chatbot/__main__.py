"""python -m chatbot: serve the page, ask a question, verify an answer or ask it again."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chatbot import __version__
from chatbot.errors import ChatbotError, QuestionError
from chatbot.writing import count, sendable, stream_utf8


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 a citation or answer that no longer holds, 2 an error, told on standard error."""
    options = _parser().parse_args(argv)
    stream_utf8()
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except ChatbotError as error:
        print(f"chatbot: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read has gone, as `head` does; the exit would try to write the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


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
    serve.add_argument("--mcp", action="store_true", help="serve the tools of programs as an MCP server too")
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
    ask.add_argument(
        "--only",
        action="append",
        metavar="DOC_ID",
        help="answer from this document alone, or from all those named; may be repeated",
    )
    ask.set_defaults(run=_ask)

    verify = commands.add_parser("verify", help="check the citations of a saved answer against the index")
    verify.add_argument("answer", type=Path, metavar="ANSWER.json", help="what ask --json printed")
    _add_places(verify)
    verify.set_defaults(run=_verify)

    replay = commands.add_parser(
        "replay", help="ask the question of a saved answer again, show the difference"
    )
    replay.add_argument(
        "receipt", type=Path, metavar="RECEIPT.json", help="what ask --json printed, or an export of the page"
    )
    _add_places(replay)
    replay.set_defaults(run=_replay)
    return parser


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--corpus",
        action="append",
        metavar="[NAME=]FOLDER",
        help="folder of documents (default: corpus); serve takes several, replay finds its receipt's, others use the first",
    )
    parser.add_argument(
        "--index",
        action="append",
        type=Path,
        metavar="FOLDER",
        help="folder of the index (default: index), one for each --corpus; others get one below the first's",
    )
    parser.add_argument(
        "--collections", type=Path, metavar="FILE.toml", help="names them in place of --corpus"
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
    from chatbot.app import require_free_port, require_mcp, serve
    from chatbot.collection import open_collections

    places = _places(options)
    require_free_port(options.host, options.port)
    if options.mcp:
        require_mcp()
    collections = open_collections(places, tell=True)
    serve(collections, host=options.host, port=options.port, open_browser=options.open, mcp=options.mcp)
    return 0


def _ask(options: argparse.Namespace) -> int:
    if options.batch == bool(options.question):
        raise QuestionError("give a question, or --batch and questions on standard input")
    chatbot = _open(options)
    only = frozenset(options.only or ())
    if options.batch:
        for number, line in enumerate(sys.stdin, 1):
            if line.strip():
                print(json.dumps(_batch_answer(chatbot, line, number, only), ensure_ascii=False), flush=True)
        return 0
    answer = chatbot.answer(options.question, only=only)
    if options.json:
        print(json.dumps({"id": "", **answer.to_json()}, ensure_ascii=False, indent=2))
    else:
        print(as_text(answer.to_json()))
    return 0


def _batch_answer(chatbot: Any, line: str, number: int, only: frozenset[str]) -> dict[str, Any]:
    """The answer to one line; for a line that cannot be answered its id and an "error"."""
    query_id = str(number)
    try:
        asked = _parsed(line)
        if not isinstance(asked, dict):
            raise QuestionError("expected a JSON object")
        query_id = sendable(str(asked.get("id", number)))
        question, history = asked.get("question"), asked.get("history") or []
        listed = isinstance(history, list) and all(isinstance(turn, str) for turn in history)
        if not isinstance(question, str) or not listed:
            raise QuestionError('expected "question", a string, and "history", a list of strings')
        return {"id": query_id, **chatbot.answer(question, history, only=only).to_json()}
    except ChatbotError as error:
        return {"id": query_id, "error": f"standard input, line {number}: {error}"}


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:  # a number may be too long, or lists nested too deep
        raise QuestionError(str(error)) from error


def _verify(options: argparse.Namespace) -> int:
    from chatbot.answer import verify
    from chatbot.index import PassageStore, current_generation, outdated

    try:
        answer = json.loads(options.answer.read_bytes())  # in any UTF, with a mark or without
    except (OSError, ValueError, RecursionError) as error:
        raise QuestionError(f"{options.answer} cannot be read as JSON ({error})") from error
    place = _places(options)[0]
    store = PassageStore(place.index, current_generation(place.index))
    is_named = bool(options.corpus or options.collections or not options.index)  # else it is the usual corpus
    if is_named and place.corpus.is_dir() and (reason := outdated(place.corpus, place.index)):
        print(f"chatbot: the index is older than the documents ({reason}); rebuild it first", file=sys.stderr)
    exported = isinstance(answer, dict) and "receipts" in answer  # a conversation, from the page
    several = answer["receipts"] if exported else [answer]
    if not isinstance(several, list):
        raise QuestionError(f'{options.answer}: "receipts" is not a list of answers')
    verdicts = [(one, verify(one, store)) for one in several]
    for one, found in verdicts:
        if exported:
            print(one.get("question", ""))
        if not found:
            print("The answer cites nothing that could be checked.")
        for verdict in found:
            print(f"[{verdict.number}] {verdict.state:8} {verdict.doc_id}: {verdict.detail}")
    return 0 if all(verdict.state in {"valid", "moved"} for _, found in verdicts for verdict in found) else 1


def _replay(options: argparse.Namespace) -> int:
    from chatbot.collection import find_place, open_collections
    from chatbot.receipt import read_receipts, replay

    receipts, places = read_receipts(options.receipt), _places(options)
    asked = [find_place(places, receipt.collection) for receipt in receipts]
    distinct = list(dict.fromkeys(asked))
    opened = dict(zip(distinct, open_collections(distinct, tell=True), strict=True))
    replays = [replay(receipt, opened[place].chatbot) for receipt, place in zip(receipts, asked, strict=True)]
    told = "\n\n".join(map(str, replays))
    print(sendable(told))
    return 0 if all(replay.same for replay in replays) else 1


def _open(options: argparse.Namespace) -> Any:
    """The first collection's chatbot, on an index that is brought up to its documents."""
    from chatbot.collection import open_collections

    return open_collections(_places(options)[:1], tell=True)[0].chatbot


def _places(options: argparse.Namespace) -> Any:
    """Where the collections lie that the options name; their folders are not looked at yet."""
    from chatbot.collection import list_places, read_places

    home, indexes = default_home(), options.index or []
    if options.collections is None:
        return list_places(options.corpus or [str(home / "corpus")], indexes, home / "index", options.model)
    if options.corpus or len(indexes) > 1:
        raise QuestionError("--collections takes the place of --corpus; give each index in its file")
    return read_places(options.collections, (indexes or [home / "index"])[0], options.model)


def as_text(answer: dict[str, Any]) -> str:
    """An answer's JSON as a person reads it in a terminal."""
    from chatbot.answer import AS_OF, UNANSWERED, UNMENTIONED

    lines = []
    if answer["standalone_question"] != answer["question"]:
        lines.append(f"Understood as: {answer['standalone_question']}")
    if answer["short_answer"]:
        lines.append(answer["short_answer"])
    lines.append(answer["text"])
    if answer.get("only"):
        lines.append(f"Looked only in: {', '.join(answer['only'])}")
    missing = answer["not_found"]
    if missing:
        searched = missing["searched"]
        passages, documents = (count(searched[kind], kind[:-1]) for kind in ("passages", "documents"))
        lines.append(f"Searched {passages} of {documents}.")
        if missing["missing_terms"]:
            lines.append("Nowhere in them: " + ", ".join(missing["missing_terms"]))
    if answer.get("unmentioned"):
        lines.append(f"{UNMENTIONED} {', '.join(answer['unmentioned'])}")
    if answer.get("unanswered"):
        lines.append(f"{UNANSWERED} {' '.join(answer['unanswered'])}")
    if answer.get("as_of"):
        lines.append(f"{AS_OF} {answer['as_of']}.")
    sources = [f"[{c['number']}] {_place(c)} ({c['source']})" for c in answer["citations"]]
    return "\n\n".join(part for part in ("\n".join(lines), "\n".join(sources)) if part)


def _place(citation: dict[str, Any]) -> str:
    """ "Manual › Firmware 3.1.2, page 4"."""
    from chatbot.corpus import header_of, section_below

    title, page = citation["title"], citation["page"]
    return header_of(title, section_below(title, citation["section"])) + (f", page {page}" if page else "")


if __name__ == "__main__":
    sys.exit(main())
