"""Bring the index up to the documents: scripts/rebuild_index.py [--corpus DIR] [--index DIR]

Prints what was embedded and the reading report: what was not read or in part, repeats or is damaged.
Passages that have not changed keep their vectors. However it is stopped, the index before stays in use.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from chatbot.corpus import left_out_files, require_corpus
from chatbot.encoder import identify_encoder, load_encoder
from chatbot.errors import ChatbotError
from chatbot.formats.report import Outcome, ReadingReport, count_left_out
from chatbot.index import PassageIndex, build_index, stale
from chatbot.library import Survey
from chatbot.progress import build_bar

PROJECT = Path(__file__).resolve().parents[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 up to date, 1 stale (--check), 2 an error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=PROJECT / "corpus", help="folder of documents")
    parser.add_argument("--index", type=Path, default=PROJECT / "index", help="folder of the index")
    parser.add_argument("--model", help="a sentence-transformers model or folder (default: all-MiniLM-L6-v2)")
    parser.add_argument("--force", action="store_true", help="embed everything anew")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write what became of every file, as JSON lines"
    )
    parser.add_argument("--check", action="store_true", help="build nothing; exit 1 when the index is stale")
    options = parser.parse_args(argv)
    try:
        if options.check:
            reason = stale(options.corpus, options.index, identify_encoder(options.model))
            print(f"stale: {reason}" if reason else "up to date")
            return 1 if reason else 0
        require_corpus(options.corpus)  # before a model is loaded, which takes seconds
        encoder = load_encoder(options.model)
        with build_bar(always=True) as progress:
            report = build_index(
                options.corpus, options.index, encoder, force=options.force, progress=progress
            )
        reading = Survey(PassageIndex.open(options.index, encoder)).report()
        left_out = left_out_files(options.corpus, options.index)
    except ChatbotError as error:
        print(f"rebuild_index: {error}", file=sys.stderr)
        return 2
    for warning in report.warnings:
        if warning not in {*reading.textless, *reading.warned}:
            print(f"warning: {warning}", file=sys.stderr)
    print(report)
    print(reading)
    if left_out:
        print(f"left out on purpose: {count_left_out(left_out)}")
    if options.report:
        try:
            write_outcomes(options.report, reading, left_out)
        except OSError as error:
            print(f"rebuild_index: {options.report} cannot be written ({error.strerror})", file=sys.stderr)
            return 2
    return 0


def write_outcomes(path: Path, reading: ReadingReport, left_out: Mapping[str, str]) -> None:
    outcomes = [*reading.outcomes, *(Outcome(name, "left out", kind) for name, kind in left_out.items())]
    lines = (json.dumps(asdict(outcome), ensure_ascii=False) + "\n" for outcome in outcomes)
    path.write_bytes("".join(lines).encode("utf-8", "backslashreplace"))  # names may hold half characters


if __name__ == "__main__":
    raise SystemExit(main())
