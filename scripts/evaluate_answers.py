"""Asks the chatbot every question of a split and judges what it quotes and what it refuses.

    python scripts/evaluate_answers.py                    # the project's own corpus and questions
    python scripts/evaluate_answers.py DIR --limit 100    # any folder in the BEIR layout
    python scripts/evaluate_answers.py DIR --report answers.html
    python scripts/evaluate_answers.py DIR --reader-gain  # what the trained reader adds
    python scripts/evaluate_answers.py DIR --typos        # what putting misspelt words right adds

A status of "closest" or "not_found" is a refusal. Refusing an answerable question counts as wrong in
every share of the answerable ones, whatever the nearest sentences say. In the risk–coverage curve all
questions are ordered by confidence and judged by their quotes; any quote is wrong for an unanswerable
question.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from chatbot import answer_page, evaluate, report_page
from chatbot.answer import Chatbot, load_parameters
from chatbot.corpus import Query, split_queries
from chatbot.encoder import Encoder, load_encoder
from chatbot.errors import ChatbotError
from chatbot.reader import load_network_reader
from chatbot.writing import stream_utf8

PROJECT = Path(__file__).resolve().parents[1]


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stream_utf8()
    try:
        _run(args)
    except ChatbotError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="How often the first quote lies on the evidence, the quotes contain the answer, and"
        " refusals are right; with 95 % intervals. Refusing an answerable question counts as wrong."
    )
    parser.add_argument(
        "corpus", metavar="DIR", nargs="?", type=Path, default=PROJECT / "corpus",
        help="folder with corpus.jsonl, queries.jsonl, qrels/ (default: the project's corpus)",
    )  # fmt: skip
    parser.add_argument("--split", default="test", help="which qrels/<split>.tsv (default: test)")
    parser.add_argument(
        "--limit", type=evaluate.whole_number, metavar="N", help="N questions, evenly spread over the split"
    )
    parser.add_argument("--index", type=Path, metavar="DIR", help="where the index is, or is built")
    parser.add_argument("--model", metavar="NAME", help="another encoder: a model's name or folder")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument(
        "--worst", type=evaluate.whole_number, default=0, metavar="N", help="list the N worst answers"
    )
    parser.add_argument(
        "--reader-gain", action="store_true",
        help="instead: the answerable questions with the trained reader and without it, nothing refused",
    )  # fmt: skip
    parser.add_argument(
        "--typos", action="store_true",
        help="instead: the answerable questions, each with one typing error, put right and as typed, nothing refused",
    )  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a page of figures (HTML)")
    return parser


def _run(args: argparse.Namespace) -> None:
    if args.report:
        report_page.require_page(args.report)
    queries = evaluate.spread(split_queries(args.corpus, args.split), args.limit)
    folder = args.index or evaluate.evaluation_folder(args.corpus, PROJECT, args.model)
    encoder = load_encoder(args.model)
    evaluate.bring_up_to_date(args.corpus, folder, encoder)
    if args.reader_gain or args.typos:
        measure = typing_gain if args.typos else reader_gain
        gain = measure(args.corpus, folder, encoder, [query for query in queries if query.answerable])
        print(json.dumps(gain.to_json(), indent=2, allow_nan=False) if args.json else gain.to_text())
        return
    chatbot = Chatbot(folder, encoder, load_network_reader())

    bar = tqdm(queries, desc="asking", unit="question", disable=None)
    outcomes = [evaluate.ask(chatbot, query) for query in bar]
    report = evaluate.report_answers(args.corpus.resolve().name, outcomes)
    worst = evaluate.worst_answered(outcomes, args.worst)
    if args.report:
        report_page.write_page(args.report, answer_page.draw_answer_page(report, outcomes, args.split))
        print(f"wrote {args.report}", file=sys.stderr)

    if args.json:
        extra = {"worst": [answer.to_json() for answer in worst]} if args.worst else {}
        print(json.dumps({**report.to_json(), **extra}, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print("\n\n".join([report.to_text(), *(answer.to_text() for answer in worst)]))


def reader_gain(corpus: Path, folder: Path, encoder: Encoder, queries: Sequence[Query]) -> evaluate.Gain:
    """Nothing is refused, so that it is the choice of the quotes that is compared."""
    parameters = never_refusing()
    trained, untrained = (
        partial(evaluate.ask, Chatbot(folder, encoder, network, parameters))
        for network in (load_network_reader(), None)
    )
    return ask_twice(corpus, queries, {"trained": trained, "untrained": untrained})


def typing_gain(corpus: Path, folder: Path, encoder: Encoder, queries: Sequence[Query]) -> evaluate.Gain:
    """The errors are the same each time."""
    chatbot = Chatbot(folder, encoder, load_network_reader(), never_refusing())
    dice = random.Random(1945)
    mistyped = [replace(query, text=evaluate.mistype(query.text, dice)) for query in queries]
    ways = {
        "put right": partial(evaluate.ask, chatbot),
        "as typed": partial(evaluate.ask, chatbot, verbatim=True),
    }
    return ask_twice(corpus, mistyped, ways)


def ask_twice(
    corpus: Path, queries: Sequence[Query], ways: Mapping[str, Callable[[Query], evaluate.Outcome]]
) -> evaluate.Gain:
    """Each question is asked in both ways, one after the other."""
    (one, ask_one), (other, ask_other) = ways.items()
    bar = tqdm(queries, desc="asking both", unit="question", disable=None)
    pairs = [(ask_one(query), ask_other(query)) for query in bar]
    return evaluate.compare_ways(
        corpus.resolve().name, (one, other), [a for a, _ in pairs], [b for _, b in pairs]
    )


def never_refusing() -> dict[str, Any]:
    return {
        mode: {**fitted, "refusal": {**fitted["refusal"], "answered": 0.0, "closest": 0.0}}
        for mode, fitted in load_parameters().items()
    }


if __name__ == "__main__":
    sys.exit(main())
