"""Train the reader: scripts/train_reader.py DATA --haystack DIR --out FOLDER

DATA is a JSON-lines file of {"source", "question", "context", "answerable", "answer", "evidence", "doc"};
DIR a BEIR folder whose paragraphs serve as hard negatives (found by BM25; those that its own
judgements name are left out, and so is the paragraph that answers). One row trains at most three
losses: which sentence is the evidence or that there is none (cross-entropy over the sentences and
null), where the answer begins, where it ends. Stopped, it goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import bm25s
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from teacher import Place, without_padding
from torch.nn.functional import cross_entropy
from tqdm import tqdm
from transformers import AutoTokenizer

from chatbot.corpus import Span, read_qrels, split_sentences
from chatbot.cross_encoder import Inputs, ReaderNetwork, build_network, encode_pairs
from chatbot.encoder import packaged_model
from chatbot.evaluate import err_at
from chatbot.terms import stems

BATCH_PIECES = 4096  # padded word pieces a step
QAMR_ROWS = 5000  # of 36,748: they repeat 978 sentences
NEGATIVES = 0.5  # hard negative paragraphs a question
TYPOS = 0.15  # share of questions that get one
HEADERS = 0.5  # share of rows with the title before the passage
SPAN_WEIGHT = 0.5

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Row:
    question: str
    header: str
    text: str
    sentences: tuple[Span, ...]
    evidence: tuple[int, ...]  # numbers of sentences; empty: none answers
    answer: Span | None
    place: Place | None = None


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--haystack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1945)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    source = Source(options.data, options.haystack)
    tokenizer = AutoTokenizer.from_pretrained(packaged_model())
    epochs = [
        list(batches(source.rows(options.seed + epoch), options.seed + epoch))
        for epoch in range(options.epochs)
    ]
    train(epochs, tokenizer, options)
    return 0


def train(epochs: list[list[list[Row]]], tokenizer: Any, options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    network = build_network(packaged_model())

    def loss(batch: list[Row]) -> torch.Tensor:
        inputs, targets = tensors(tokenizer, batch)
        return loss_of(network(inputs), *targets)

    done = optimise(network, [batch for epoch in epochs for batch in epoch], loss, options)
    record = {
        "data": {
            "sha256": hashlib.sha256(options.data.read_bytes()).hexdigest(),
            "haystack": options.haystack.name,
        },
        "seed": options.seed,
        "epochs": options.epochs,
        "rate": options.rate,
        "dropout": options.dropout,
        **done,
    }
    (options.out / "record.json").write_text(json.dumps(record, indent=1))


def optimise(
    network: ReaderNetwork,
    everything: Sequence[Batch],
    loss_of_batch: Callable[[Batch], torch.Tensor],
    options: argparse.Namespace,
) -> dict[str, float]:
    """One step a batch, with checkpoints in `options.out`; returns steps, last loss and minutes.

    bfloat16 forward and backward; AdamW on float32 masters; the rate warms up over a twentieth of the
    steps and falls to 0.
    """
    # 1.4 to 1.5 s a step; with padding 2.5
    network.backbone = without_padding(network.backbone, options.dropout)
    masters = [p.detach().clone().requires_grad_() for p in trained(network).values()]
    network.to(torch.bfloat16)
    learning = list(trained(network).values())
    optimizer = torch.optim.AdamW(masters, lr=options.rate, weight_decay=0.01)
    steps, warm = len(everything), max(1, len(everything) // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / warm, (steps - step) / max(steps - warm, 1))
    )
    made_with = _fingerprint(options, steps)
    step = resume(options.out, network, masters, optimizer, schedule, made_with)
    started, losses = time.monotonic(), []
    network.train()
    for number in tqdm(range(step, steps), initial=step, total=steps, mininterval=20, desc="training"):
        loss = loss_of_batch(everything[number])
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        for master, parameter in zip(masters, learning, strict=True):
            master.grad = parameter.grad.float() if parameter.grad is not None else None
            parameter.grad = None
        torch.nn.utils.clip_grad_norm_(masters, 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            torch._foreach_copy_([*learning], masters)
        losses.append(float(loss.detach()))
        if (number + 1) % 250 == 0 or number + 1 == steps:
            tqdm.write(f"step {number + 1}/{steps} loss {np.mean(losses[-250:]):.4f}")
            save(options.out, network, masters, optimizer, number + 1, made_with)
    return {
        "steps": steps,
        "last_loss": round(float(np.mean(losses[-250:])), 4) if losses else 0.0,
        "minutes": round((time.monotonic() - started) / 60, 1),
    }


def loss_of(
    outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], evidence: torch.Tensor, spans: torch.Tensor
) -> torch.Tensor:
    """`evidence` (B, S + 1) marks the right ones of null and sentences; `spans` (B, 2) tokens, -100 for none."""
    sentences, null, tokens = outputs
    logits = torch.cat([null[:, None], sentences], 1)  # (B, S + 1)
    right = torch.logsumexp(logits.masked_fill(~evidence, float("-inf")), 1)
    loss = (torch.logsumexp(logits, 1) - right).mean()
    known = spans[:, 0] >= 0
    if known.any():
        ends = sum(cross_entropy(tokens[known, :, side], spans[known, side]) for side in (0, 1))
        loss = loss + SPAN_WEIGHT * ends / 2
    return loss


def tensors(tokenizer: Any, rows: Sequence[Row]) -> tuple[Inputs, tuple[torch.Tensor, torch.Tensor]]:
    inputs = encode_pairs(
        tokenizer,
        [r.question for r in rows],
        [r.header for r in rows],
        [r.text for r in rows],
        [r.sentences for r in rows],
    )
    evidence = torch.zeros(len(rows), inputs.sentences + 1, dtype=torch.bool)
    spans = torch.full((len(rows), 2), -100)
    for i, row in enumerate(rows):
        present = [n for n in row.evidence if (inputs.sentence_of[i] == n).any()]
        evidence[i, [n + 1 for n in present] or [0]] = True
        if row.answer:
            inside = [
                c
                for c, (a, b) in enumerate(inputs.offsets[i])
                if b > row.answer[0] and a < row.answer[1] and b > a
            ]
            inside = [c for c in inside if inputs.sentence_of[i, c] >= 0]
            if inside:
                spans[i] = torch.tensor([inside[0], inside[-1]])
    return inputs, (evidence, spans)


def batches(rows: Sequence[Row], seed: int) -> Iterator[list[Row]]:
    """Rows of like length together, the batches in random order."""
    size = [len(row.question) + len(row.header) + len(row.text) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: size[i])
    made: list[list[Row]] = []
    batch: list[Row] = []
    for i in order:
        batch.append(rows[i])
        if len(batch) * (size[i] / 4.2 + 4) > BATCH_PIECES:
            made.append(batch)
            batch = []
    made += [batch] if batch else []
    random.Random(seed).shuffle(made)
    yield from made


class Source:
    """The rows of the training file and hard negatives from the haystack."""

    def __init__(self, data: Path, haystack: Path) -> None:
        self.records = [json.loads(line) for line in data.read_text("utf-8").splitlines()]
        gold = {doc for judged in read_qrels(haystack, "test").values() for doc in judged}
        lines = (haystack / "corpus.jsonl").read_text("utf-8").splitlines()
        self.paragraphs = [p for p in map(json.loads, lines) if p["_id"] not in gold]
        self.bm25 = bm25s.BM25(method="lucene")
        self.bm25.index([stems(p["text"]) for p in self.paragraphs], show_progress=False)

    def rows(self, seed: int) -> list[Row]:
        """One epoch: positives, their negatives, and packed QAMR sentences."""
        dice = random.Random(seed)
        made: list[Row] = []
        qamr = [r for r in self.records if r["source"] == "qamr"]
        contexts = sorted({r["context"] for r in qamr})
        made += [self._pack(r, contexts, dice) for r in dice.sample(qamr, QAMR_ROWS)]
        for record in self.records:
            if record["source"] == "qamr":
                continue
            made.append(self.positive(record, dice))
            if record["answerable"] and dice.random() < NEGATIVES:
                made += self.negative(record, made[-1].question, dice)
        return made

    def positive(self, record: dict[str, Any], dice: random.Random) -> Row:
        """The record's own passage, sometimes with a typing error in the question or with its title."""
        question = typo(record["question"], dice) if dice.random() < TYPOS else record["question"]
        title = (record.get("doc") or "").split("#")[0].replace("_", " ")
        header = title if dice.random() < HEADERS else ""
        text = record["context"]
        sentences = tuple(split_sentences(text))
        evidence: tuple[int, ...] = ()
        answer = record.get("answer") if record["answerable"] else None
        if record["answerable"]:
            start, end = answer or record["evidence"]  # the answer names the sentence more narrowly
            evidence = tuple(i for i, (a, b) in enumerate(sentences) if start < b and a < end)
        return Row(question, header, text, sentences, evidence, tuple(answer) if answer else None)

    def negative(self, record: dict[str, Any], question: str, dice: random.Random) -> Iterator[Row]:
        known = [s for s in stems(record["question"]) if s in self.bm25.vocab_dict]
        if not known:
            return
        scores = self.bm25.get_scores(known)
        best = np.argpartition(-scores, 12)[:12]
        words = set(record["context"].split())
        others = [
            p
            for p in (self.paragraphs[int(i)] for i in best)
            if len(words & set(p["text"].split())) < 0.8 * len(words)  # not the same paragraph
        ]
        if others:
            chosen = dice.choice(others)
            header = chosen["title"] if dice.random() < HEADERS else ""
            yield Row(question, header, chosen["text"], tuple(split_sentences(chosen["text"])), (), None)

    def _pack(self, record: dict[str, Any], contexts: list[str], dice: random.Random) -> Row:
        """A QAMR sentence among two to four others; in one of five rows the others alone."""
        others = [c for c in dice.sample(contexts, 4) if c != record["context"]][: dice.randint(2, 3)]
        place = dice.randint(0, len(others))
        answered = dice.random() < 0.8
        parts = [*others[:place], *([record["context"]] if answered else []), *others[place:]]
        text, spans = "", []
        for part in parts:
            spans.append((len(text), len(text) + len(part)))
            text += part + " "
        answer = None
        if answered:
            shift = spans[place][0]
            answer = (record["answer"][0] + shift, record["answer"][1] + shift)
        return Row(record["question"], "", text, tuple(spans), (place,) if answered else (), answer)


def typo(text: str, dice: random.Random) -> str:
    """One letter of the text dropped, doubled or swapped with its neighbour."""
    places = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
    if not places:
        return text
    return err_at(text, dice.choice(places), dice)


def trained(network: ReaderNetwork) -> dict[str, torch.nn.Parameter]:
    """The parameters that learn, by their names in the shipped file, which know nothing of `PackedBert`."""
    named = network.named_parameters()
    return {name.replace("backbone.bert.", "backbone."): p for name, p in named if p.requires_grad}


def _fingerprint(options: argparse.Namespace, steps: int) -> str:
    """What tells one run from another: its settings and how many steps its data make."""
    settings = {
        name: str(value) for name, value in sorted(vars(options).items()) if name not in ("out", "threads")
    }
    return hashlib.sha256(json.dumps([settings, steps]).encode()).hexdigest()


def save(
    folder: Path,
    network: ReaderNetwork,
    masters: list[torch.Tensor],
    optimizer: Any,
    step: int,
    made_with: str,
) -> None:
    """The weights as safetensors; the optimizer's moments beside them, so that training can go on."""
    about = {"step": str(step), "made with": made_with}
    weights = {name: p.detach().contiguous() for name, p in zip(trained(network), masters, strict=True)}
    _save(weights, folder / "reader.safetensors", about)
    moments = {
        f"{number}.{name}": value
        for number, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }
    _save(moments, folder / "optimizer.safetensors", about)


def _save(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
    unfinished = path.with_suffix(".part")
    save_file(tensors, unfinished, metadata)
    unfinished.replace(path)


def resume(
    folder: Path,
    network: ReaderNetwork,
    masters: list[torch.Tensor],
    optimizer: Any,
    schedule: Any,
    made_with: str,
) -> int:
    """The step after which the folder's checkpoint was written; 0 without one.

    Raises SystemExit for a checkpoint of another run, which would else go on, or pass, as this one.
    """
    files = folder / "reader.safetensors", folder / "optimizer.safetensors"
    if not all(path.is_file() for path in files):
        return 0
    steps = set()
    for path in files:
        with safe_open(path, "pt") as opened:
            about = opened.metadata()
        if about.get("made with") != made_with:
            raise SystemExit(
                f"{path} is of a run with other settings or data; name another folder with --out"
            )
        steps.add(int(about["step"]))
    if len(steps) != 1:  # stopped between the two files
        return 0
    step = steps.pop()
    weights = load_file(files[0])
    with torch.no_grad():
        for master, (name, parameter) in zip(masters, trained(network).items(), strict=True):
            master.copy_(weights[name])
            parameter.copy_(weights[name])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in load_file(files[1]).items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    schedule.last_epoch = step - 1
    schedule.step()
    return step


if __name__ == "__main__":
    raise SystemExit(main())
