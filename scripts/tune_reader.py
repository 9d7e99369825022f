"""Tune the trained reader on whole questions: scripts/tune_reader.py --start FOLDER --out FOLDER ...

`train_reader.py` shows the network one passage at a time, and nearly all of its questions ask for a
name, a number or a date. Here it reads several passages of one question at once, as it does in use,
and learns to put the sentences that answer above all others of all passages, above all those that
only repeat the question's words. Two sources of such groups:

    --judged DIR:SPLIT[:CORPUS[:alone]]
        questions with evidence; the passages are those that our own search finds. Evidence of
        metadata["partly"] counts neither as right nor as wrong. With CORPUS the documents are
        those of that folder; of a corpus.jsonl only those that share a title with a judged one, or,
        with "alone", the judged ones.
    --data FILE --haystack DIR --groups N
        N questions an epoch of the training file, with hard negatives found by BM25

With `--model` the network is another, of more or wider layers, which is not shipped but may teach: with `--teacher`
a run learns from its judgements of the same passages, beside what people marked. With `--tell FILE` the teacher only
writes them down, and with `--told FILE` a run learns from what is written, from these passages alone and without the teacher.

Stopped, it goes on from its last checkpoint. `--mean FOLDER FOLDER` packs the mean of several runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from teacher import (
    Margins,
    Place,
    load_teacher,
    logits_of,
    loss_against,
    margins_of,
    new_network,
    read_told,
    record_of,
    write_told,
)
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus
from tqdm import tqdm
from train_reader import SPAN_WEIGHT, TYPOS, Row, Source, optimise, tensors, typo

from chatbot.answer import Chatbot
from chatbot.corpus import Query, header_of, read_qrels, split_queries
from chatbot.encoder import load_encoder, packaged_model
from chatbot.index import Hit, build_index

ROOT = Path(__file__).resolve().parents[1]
BATCH_PIECES = 4096  # padded word pieces a step
ANSWERED = 0.9  # of the judged questions that can be; the others are shown passages as they come
LATER = {  # documents that were written when a split had been judged: what they answer is not marked
    "articles": ("articles/*-in-brief.md", "articles/questions-about-*.md"),
    "train": ("articles/first-questions-*-in-brief.md", "articles/questions-about-*.md"),
}
NEGATIVES = 3  # hard negatives of a question of the training file
TAUGHT = 0.7  # of the loss, with a teacher
TEMPERATURE = 1.5

# what a teacher says of rows: logits of their sentences (B, S) and of none (B,)
Tell = Callable[[Sequence[Row]], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Group:
    """The passages of one question. `partly` are the sentences, by passage, that train nothing."""

    rows: tuple[Row, ...]
    partly: tuple[frozenset[int], ...]

    @property
    def pieces(self) -> int:
        """About how many word pieces its longest row has."""
        return int(max(len(r.question) + len(r.header) + len(r.text) for r in self.rows) / 4.2) + 4


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--start", type=Path, help="folder with reader.safetensors")
    parser.add_argument("--mean", nargs="+", type=Path, metavar="FOLDER", help="only pack the mean of these")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--judged", nargs="*", default=[], metavar="DIR:SPLIT[:CORPUS[:alone]]")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--haystack", type=Path)
    parser.add_argument("--groups", type=int, default=2000)
    parser.add_argument("--most", type=int, default=10**9, help="questions of each judged set an epoch")
    parser.add_argument(
        "--passages", type=int, default=4, help="read for a judged question, of the ten found"
    )
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1945)
    parser.add_argument("--model", type=Path, help="folder of a BERT or an MPNet, by default the packaged")
    parser.add_argument("--teacher", type=Path, help="folder of a run with --model")
    parser.add_argument("--tell", type=Path, metavar="FILE", help="only write down what --teacher says")
    parser.add_argument("--told", type=Path, metavar="FILE", help="what --tell wrote")
    options = parser.parse_args(argv)
    if options.tell and not options.teacher:
        parser.error("--tell needs --teacher")
    options.out.mkdir(parents=True, exist_ok=True)
    if options.mean:
        pack(options.mean, options.out)
        return 0
    if not options.start and not options.model and not options.tell:
        parser.error("--start, --model or --mean is needed")
    told = read_told(options.told) if options.told else None
    judged = [searched(place) for place in options.judged]
    if told is not None:
        judged = [[(query, told_hits(query, hits, told)) for query, hits in one] for one in judged]
    source = Source(options.data, options.haystack) if options.data else None
    epochs = []
    for epoch in range(options.epochs):
        dice = random.Random(options.seed + epoch)
        drawn = [dice.sample(one, options.most) if len(one) > options.most else one for one in judged]
        some = [found for one in drawn for found in one]
        some = [(query, hits) for query, hits in some if hits]  # with --told there may be none
        groups = [group_of(query, hits, options.passages, dice) for query, hits in some]
        groups += squad_groups(source, options.groups, epoch, options.seed, dice) if source else []
        epochs.append(list(batches(groups, dice)))
    if options.tell:
        write_told(options.tell, judgements(epochs, options.teacher))
    else:
        tune(epochs, told, options)
    return 0


def searched(place: str) -> list[tuple[Query, list[Hit]]]:
    """The questions of DIR:SPLIT[:CORPUS[:alone]], each with the passages that our search finds for it."""
    name, split, *elsewhere = place.split(":")
    folder = Path(name)
    work = ROOT / "index" / "evaluations" / f"tune-{folder.name}-{split}"
    documents = Path(elsewhere[0]) if elsewhere else folder
    if elsewhere and (documents / "corpus.jsonl").is_file():
        documents = _judged(folder, split, documents, work, alone=elsewhere[1:] == ["alone"])
    encoder = load_encoder()
    build_index(documents, work / "index", encoder)
    bot = Chatbot(work / "index", encoder)
    queries = split_queries(folder, split)
    later = LATER.get(split, ())
    only = frozenset(
        doc_id for doc_id, _ in bot.index.titles() if not any(fnmatch(doc_id, each) for each in later)
    )
    return [(q, bot.reading(q.text, q.history, only).hits) for q in tqdm(queries, desc=f"search {place}")]


def _judged(folder: Path, split: str, corpus: Path, work: Path, *, alone: bool) -> Path:
    """A corpus folder of the judged documents, with all that share a title with one unless these stand `alone`."""
    judged = {doc_id for some in read_qrels(folder, split).values() for doc_id in some}
    lines = (corpus / "corpus.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    titles = {record["title"] for record in records if record["_id"] in judged}
    made = work / "corpus"
    made.mkdir(parents=True, exist_ok=True)
    wanted = [r["_id"] in judged if alone else r["title"] in titles for r in records]
    some = (line for line, want in zip(lines, wanted, strict=True) if want)
    (made / "corpus.jsonl").write_text("\n".join(some) + "\n", "utf-8")
    return made


def told_hits(query: Query, hits: Sequence[Hit], told: Mapping[Place, Margins]) -> list[Hit]:
    """Those that were judged, in the sentences that they have now."""
    return [
        hit
        for hit in hits
        if len(told.get((query.query_id, hit.passage.doc_id, hit.passage.start), ()))
        == len(hit.passage.sentences)
    ]


def group_of(query: Query, hits: Sequence[Hit], passages: int, dice: random.Random) -> Group:
    """So many of the passages found, more often those found first; where any answers, nearly always one that does."""
    question = typo(query.text, dice) if dice.random() < TYPOS else query.text
    rows, partly = [], []
    for hit in hits:
        doc_id, start = hit.passage.doc_id, hit.passage.start
        spans = hit.passage.sentences
        right = {i for i, span in enumerate(spans) if any(e.overlaps(doc_id, span) for e in query.evidence)}
        some = {i for i, span in enumerate(spans) if any(e.overlaps(doc_id, span) for e in query.partly)}
        sentences = tuple((a - start, b - start) for a, b in spans)
        header = header_of(hit.title, hit.passage.section)
        place = query.query_id, doc_id, start
        rows.append(Row(question, header, hit.text, sentences, tuple(sorted(right)), None, place))
        partly.append(frozenset(some - right))
    # drawn with weight 1 / (1 + rank / 3): Efraimidis & Spirakis, "Weighted random sampling with a reservoir", 2006
    order = sorted(range(len(rows)), key=lambda i: dice.random() ** (1 + i / 3), reverse=True)
    answering = [i for i in order if rows[i].evidence][:1] if dice.random() < ANSWERED else []
    chosen = [*answering, *(i for i in order if i not in answering)][:passages]
    return Group(tuple(rows[i] for i in chosen), tuple(partly[i] for i in chosen))


def squad_groups(source: Source, number: int, epoch: int, seed: int, dice: random.Random) -> list[Group]:
    """`number` questions of the training file, other ones each epoch as long as they last."""
    records = [r for r in source.records if r["source"] != "qamr"]
    random.Random(seed).shuffle(records)
    first = epoch * number % len(records)
    made = []
    for record in (records[first:] + records[:first])[:number]:
        rows = [source.positive(record, dice)]
        if record["answerable"]:
            for _ in range(NEGATIVES):
                rows += source.negative(record, rows[0].question, dice)
        made.append(Group(tuple(rows), (frozenset(),) * len(rows)))
    return made


def batches(groups: Sequence[Group], dice: random.Random) -> Iterator[list[Group]]:
    """Groups of like length together, the batches in random order."""
    made: list[list[Group]] = []
    batch: list[Group] = []
    rows = 0
    for group in sorted(groups, key=lambda g: g.pieces):
        if batch and (rows + len(group.rows)) * group.pieces > BATCH_PIECES:
            made.append(batch)
            batch, rows = [], 0
        batch.append(group)
        rows += len(group.rows)
    made += [batch] if batch else []
    dice.shuffle(made)
    yield from made


def loss_of(
    outputs: tuple[Tensor, Tensor, Tensor], groups: Sequence[Group], right: Tensor, spans: Tensor
) -> Tensor:
    """Each right sentence against all wrong ones of its question; each passage against its null; spans.

    `right` (B, S + 1) marks null and the right sentences of a row, `spans` (B, 2) tokens or -100.
    """
    sentences, null, tokens = outputs
    ignored = torch.zeros_like(sentences, dtype=torch.bool)
    for row, some in enumerate(some for group in groups for some in group.partly):
        for number in some:
            ignored[row, number] = True
    logits = torch.cat([null[:, None], sentences.masked_fill(ignored, float("-inf"))], 1)
    known = ~(ignored.any(1) & right[:, 0])  # a passage with half an answer only has no null to learn
    own = torch.logsumexp(logits, 1) - torch.logsumexp(logits.masked_fill(~right, float("-inf")), 1)
    loss = own[known].mean() if known.any() else own.sum() * 0
    margins = sentences - null[:, None]  # (B, S)
    good = right[:, 1:] & torch.isfinite(margins)
    bad = ~right[:, 1:] & ~ignored & torch.isfinite(margins)
    against, row = [], 0
    for group in groups:
        own_rows = slice(row, row + len(group.rows))
        row += len(group.rows)
        if good[own_rows].any() and bad[own_rows].any():
            rest = torch.logsumexp(margins[own_rows][bad[own_rows]], 0)
            against.append(softplus(rest - margins[own_rows][good[own_rows]]).mean())
    if against:
        loss = loss + torch.stack(against).mean()
    marked = spans[:, 0] >= 0
    if marked.any():
        ends = sum(cross_entropy(tokens[marked, :, side], spans[marked, side]) for side in (0, 1))
        loss = loss + SPAN_WEIGHT * ends / 2
    return loss


def tune(
    epochs: list[list[list[Group]]], told: Mapping[Place, Margins] | None, options: argparse.Namespace
) -> None:
    torch.manual_seed(options.seed)
    network, tokenizer = new_network(options.model or packaged_model())
    if options.start:
        network.load_state_dict(load_file(options.start / "reader.safetensors"), strict=False)
    tell = remembering(told) if told is not None else teller(options.teacher) if options.teacher else None

    def loss(groups: list[Group]) -> Tensor:
        rows = [row for group in groups for row in group.rows]
        inputs, (right, spans) = tensors(tokenizer, rows)
        outputs = network(inputs)
        own = loss_of(outputs, groups, right, spans)
        # nothing is written of the training file's passages
        taught = [n for n, row in enumerate(rows) if told is None or row.place]
        if tell is None or not taught:
            return own
        said = tell([rows[n] for n in taught])
        ours = outputs[0][taught, : said[0].shape[1]], outputs[1][taught]
        sizes = [len(group.rows) for group in groups if told is None or group.rows[0].place]
        return (1 - TAUGHT) * own + TAUGHT * loss_against(ours, said, sizes, TEMPERATURE)

    done = optimise(network, [batch for epoch in epochs for batch in epoch], loss, options)
    record = {
        "start": record_of(options.start) if options.start else None,
        "model": str(options.model) if options.model else "packaged",
        "teacher": record_of(options.teacher) if options.teacher else None,
        "told": hashlib.sha256(options.told.read_bytes()).hexdigest() if options.told else None,
        "judged": [Path(place.split(":")[0]).name + ":" + place.split(":")[1] for place in options.judged],
        "groups": options.groups if options.data else 0,
        "most": options.most,
        "passages": options.passages,
        "seed": options.seed,
        "epochs": options.epochs,
        "rate": options.rate,
        "dropout": options.dropout,
        **done,
    }
    (options.out / "record.json").write_text(json.dumps(record, indent=1))
    if not options.model:
        pack([options.out], options.out)


def remembering(told: Mapping[Place, Margins]) -> Tell:
    def tell(rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
        margins = [told[row.place] for row in rows if row.place]
        return logits_of(margins, max(map(len, margins)))

    return tell


def teller(run: Path) -> Tell:
    network, tokenizer = load_teacher(run)

    def tell(rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            sentences, null, _ = network(tensors(tokenizer, rows)[0])
        return sentences, null

    return tell


def judgements(epochs: list[list[list[Group]]], run: Path) -> dict[Place, Margins]:
    """What the network of a run says of every passage that was searched."""
    tell = teller(run)
    told: dict[Place, Margins] = {}
    for batch in tqdm([batch for epoch in epochs for batch in epoch], desc="telling"):
        rows = [row for group in batch for row in group.rows]
        for row, sentences, null in zip(rows, *tell(rows), strict=True):
            if row.place:
                told[row.place] = margins_of(sentences[: len(row.sentences)], null)
    return told


def pack(folders: Sequence[Path], out: Path) -> None:
    """Writes the mean of the folders' weights in bfloat16, as the package ships them, and names its hash."""
    runs = [load_file(folder / "reader.safetensors") for folder in folders]
    mean = {name: torch.stack([run[name] for run in runs]).mean(0).to(torch.bfloat16) for name in runs[0]}
    packed = out / "packed.safetensors"
    save_file(mean, packed)
    print(f"{packed}: sha256 {hashlib.sha256(packed.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    raise SystemExit(main())
