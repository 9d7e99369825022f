"""Measures how well the search finds the judged documents of a corpus.

    python scripts/evaluate_retrieval.py                    # the project's own corpus and questions
    python scripts/evaluate_retrieval.py DIR --limit 100    # any folder in the BEIR layout

DIR holds corpus.jsonl, queries.jsonl and qrels/<split>.tsv. Unanswerable questions are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from chatbot import evaluate
from chatbot.corpus import read_qrels, split_queries
from chatbot.encoder import load_encoder
from chatbot.errors import ChatbotError
from chatbot.index import PassageIndex

PROJECT = Path(__file__).resolve().parents[1]


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        _run(args)
    except ChatbotError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="nDCG@10, R@10, R@100, RR@10, Success@1, Success@5 and AP of dense, BM25,"
        " reciprocal rank fusion and our own search on the same questions, with 95 % intervals."
    )
    parser.add_argument(
        "corpus", metavar="DIR", nargs="?", type=Path, default=PROJECT / "corpus",
        help="folder with corpus.jsonl, queries.jsonl, qrels/ (default: the project's corpus)",
    )  # fmt: skip
    parser.add_argument("--split", default="test", help="which qrels/<split>.tsv (default: test)")
    parser.add_argument("--limit", type=int, metavar="N", help="N questions, evenly spread over the split")
    parser.add_argument("--index", type=Path, metavar="DIR", help="where the index is, or is built")
    parser.add_argument("--model", metavar="NAME", help="another encoder: a model's name or folder")
    parser.add_argument(
        "--run", type=Path, metavar="FILE", help="write TREC runs: r.trec gives r.ours.trec …"
    )
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="list the N worst questions")
    return parser


def _run(args: argparse.Namespace) -> None:
    qrels = read_qrels(args.corpus, args.split)
    judged = evaluate.judged_queries(split_queries(args.corpus, args.split), qrels)
    queries = evaluate.spread(judged, args.limit)
    encoder = load_encoder(args.model)
    folder = args.index or evaluate.evaluation_folder(args.corpus, PROJECT, args.model)
    evaluate.bring_up_to_date(args.corpus, folder, encoder)
    index = PassageIndex.open(folder, encoder)
    _warn_of_missing(evaluate.missing_documents(index, qrels, queries))

    retrieval = evaluate.retrieve(index, tqdm(queries, desc="searching", unit="question", disable=None))
    values = {method: evaluate.measure_queries(run, qrels, queries) for method, run in retrieval.runs.items()}
    report = evaluate.report_retrieval(args.corpus.resolve().name, index, values, retrieval.milliseconds)
    ours, figures = retrieval.runs[evaluate.OURS], values[evaluate.OURS]
    worst = evaluate.worst_retrieved(index, queries, qrels, ours, figures, args.worst)

    if args.run:
        for path in evaluate.write_runs(args.run, retrieval.runs):
            print(f"wrote {path}", file=sys.stderr)
    if args.json:
        extra = {"worst": [miss.to_json() for miss in worst]} if args.worst else {}
        print(json.dumps({**report.to_json(), **extra}, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print("\n\n".join([report.to_text(), *(miss.to_text() for miss in worst)]))


def _warn_of_missing(doc_ids: Sequence[str]) -> None:
    if doc_ids:
        print(
            f"{len(doc_ids)} judged documents are not in the corpus and count as not found:"
            f" {', '.join(doc_ids[:5])}{' …' if len(doc_ids) > 5 else ''}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    sys.exit(main())
