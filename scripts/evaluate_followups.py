"""How well follow-up questions are made whole, against human rewrites: scripts/evaluate_followups.py FILE

FILE holds a turn of a conversation a line, as JSON: "id" (dialogue and turn, "d7-3"), "history" (questions
and answers by turns, oldest first), "question", and "rewrite", which a person wrote to stand alone. CANARD
(Elgohary, Peskov & Boyd-Graber, EMNLP 2019) in that form is what the rules of chatbot/conversation.py were
made with: the dialogues whose sha256(id) is even were looked at (--half tuned), the others were not and are
what is measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.conversation import standalone
from chatbot.errors import ChatbotError, CorpusError
from chatbot.evaluate import Interval, bootstrap, mean_interval
from chatbot.terms import fold, stems

Floats = NDArray[np.float64]
ORDER = 4  # BLEU counts n-grams up to this length (Papineni et al., ACL 2002)


@dataclass(frozen=True)
class Turn:
    dialogue: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    question: str
    rewrite: str

    @property
    def needed(self) -> frozenset[str]:
        """Stems that the rewrite adds to the question and that stand in the history."""
        told = set(stems(" ".join((*self.questions, *self.answers))))
        return frozenset((set(stems(self.rewrite)) - set(stems(self.question))) & told)


Rewriter = Callable[[Turn], str]
REWRITERS: dict[str, Rewriter] = {
    "question as it is": lambda turn: turn.question,
    "question + history": lambda turn: " ".join((*turn.questions, *turn.answers, turn.question)),
    "ours": lambda turn: standalone(turn.question, turn.questions, answers=turn.answers),
    "ours, no answers": lambda turn: standalone(turn.question, turn.questions),
}


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        turns = [turn for turn in read_turns(args.file) if is_tuned(turn) == (args.half == "tuned")]
    except ChatbotError as error:
        print(error, file=sys.stderr)
        return 2
    reports = {name: measure(turns, rewriter) for name, rewriter in REWRITERS.items()}
    print(_json(reports) if args.json else _text(reports))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Follow-up questions made whole, against human rewrites, with 95 % intervals."
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="turns with human rewrites, JSON lines")
    parser.add_argument("--half", choices=("final", "tuned"), default="final", help="(default: final)")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    return parser


def read_turns(path: Path) -> list[Turn]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # JSON may hold U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); give a JSON lines file in UTF-8") from error
    return [_turn(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _turn(line: str, where: str) -> Turn:
    try:
        row = json.loads(line)
        dialogue, history, question, rewrite = (row[key] for key in ("id", "history", "question", "rewrite"))
    except (ValueError, TypeError, KeyError) as error:
        raise CorpusError(
            f"{where}: not an object with id, history, question and rewrite; mend it"
        ) from error
    texts = [dialogue, question, rewrite, *(history if isinstance(history, list) else [None])]
    if not all(isinstance(text, str) for text in texts):
        raise CorpusError(f"{where}: history must be a list of texts, all else a text; mend it")
    return Turn(dialogue.rsplit("-", 1)[0], tuple(history[::2]), tuple(history[1::2]), question, rewrite)


def is_tuned(turn: Turn) -> bool:
    return int(hashlib.sha256(turn.dialogue.encode()).hexdigest(), 16) % 2 == 0


def measure(turns: Sequence[Turn], rewriter: Rewriter) -> dict[str, Interval]:
    """Every measure with its interval, over all turns that have a history."""
    turns = [turn for turn in turns if turn.questions]
    written = [rewriter(turn) for turn in turns]
    pairs = [(words(text), words(turn.rewrite)) for text, turn in zip(written, turns, strict=True)]
    found = [
        len(turn.needed & set(stems(text))) / len(turn.needed)
        for text, turn in zip(written, turns, strict=True)
        if turn.needed
    ]
    alone = [float(text == turn.question) for text, turn in zip(written, turns, strict=True) if _whole(turn)]
    asked_whole = [
        Turn(t.dialogue, t.questions, t.answers, t.rewrite, t.rewrite) for t in turns if not _whole(t)
    ]
    counts = np.array([bleu_counts(*pair) for pair in pairs], np.float64).reshape(-1, 2 * ORDER + 2)
    return {
        "needed words found": mean_interval(found),
        "all needed words found": mean_interval([float(share == 1) for share in found]),
        "stand-alone left alone": mean_interval(alone),
        "rewrites left alone": mean_interval(
            [float(rewriter(turn) == turn.question) for turn in asked_whole]
        ),
        "ROUGE-L": mean_interval([rouge_l(*pair) for pair in pairs]),
        "BLEU": bootstrap(lambda weights: bleu(weights @ counts)[:, None], len(counts))[0],
        "token F1": mean_interval([token_f1(*pair) for pair in pairs]),
    }


def _whole(turn: Turn) -> bool:
    return turn.question == turn.rewrite


def words(text: str) -> list[str]:
    return [fold(word) for word in "".join(c if c.isalnum() else " " for c in text).split()]


def token_f1(ours: Sequence[str], theirs: Sequence[str]) -> float:
    return _f1((Counter(ours) & Counter(theirs)).total(), ours, theirs)


def rouge_l(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """F1 of the longest common subsequence (Lin, 2004)."""
    row = [0] * (len(theirs) + 1)
    for word in ours:
        above = row
        row = [0]
        for j, other in enumerate(theirs):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
    return _f1(row[-1], ours, theirs)


def _f1(common: int, ours: Sequence[str], theirs: Sequence[str]) -> float:
    return 2 * common / (len(ours) + len(theirs)) if common else 0.0


def bleu_counts(ours: Sequence[str], theirs: Sequence[str]) -> list[int]:
    """n-grams in common for n = 1 to ORDER, n-grams of ours, and both lengths."""
    grams = [(_ngrams(ours, n), _ngrams(theirs, n)) for n in range(1, ORDER + 1)]
    common = [(a & b).total() for a, b in grams]
    return [*common, *(a.total() for a, _ in grams), len(ours), len(theirs)]


def _ngrams(tokens: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def bleu(counts: Floats) -> Floats:
    """Corpus BLEU of each row of (b, 2 · ORDER + 2) summed counts; 0 where no n-gram of some length agrees."""
    common, total, ours, theirs = np.split(counts, [ORDER, 2 * ORDER, 2 * ORDER + 1], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.log(common / total).mean(1)
        brevity = np.minimum(0.0, 1 - theirs / ours)[:, 0]
        scores: Floats = np.nan_to_num(np.exp(precision + brevity))
    return scores


def _text(reports: dict[str, dict[str, Interval]]) -> str:
    measures = list(next(iter(reports.values())))
    lines = [f"| | n | {' | '.join(reports)} |", "|---|---|" + "---|" * len(reports)]
    for name in measures:
        intervals = [report[name] for report in reports.values()]
        lines.append(f"| {name} | {intervals[0].n} | {' | '.join(map(str, intervals))} |")
    return "\n".join(lines)


def _json(reports: dict[str, dict[str, Interval]]) -> str:
    rows = {
        name: {measure: {"n": interval.n, **interval.to_json()} for measure, interval in report.items()}
        for name, report in reports.items()
    }
    return json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False)


if __name__ == "__main__":
    sys.exit(main())
