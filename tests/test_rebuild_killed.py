"""A build may be killed at any moment; the index before stays whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from conftest import ROOT, HashEncoder

from chatbot.index import PassageIndex, build_index, current_generation

SLOW_BUILD = """
import sys, time
from pathlib import Path
from conftest import HashEncoder
import chatbot.index as index

class Slow(HashEncoder):
    def encode_passages(self, texts, progress=None):
        time.sleep(0.05)
        return super().encode_passages(texts, progress)

print("ready", flush=True)
index.build_index(Path(sys.argv[1]), Path(sys.argv[2]), Slow(), force=True)
print("done", flush=True)
"""


def test_the_old_index_survives_sigkill_at_twenty_random_moments(
    make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus = make_corpus(
        {f"{i}.txt": f"Document {i} is about subject {i}. It has two sentences." for i in range(200)}
    )
    folder = tmp_path / "index"
    build_index(corpus, folder, HashEncoder())
    dice = random.Random(1945)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}
    finished = 0
    for moment in range(20):
        (corpus / "changing.txt").write_text(f"Version {moment} of the changing document.")
        process = subprocess.Popen(
            [sys.executable, "-c", SLOW_BUILD, str(corpus), str(folder)],
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert process.stdout is not None
        process.stdout.readline()  # imports are over: the build begins
        time.sleep(dice.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        finished += b"done" in process.stdout.read()
        process.stdout.close()
        process.wait()
        live = PassageIndex.open(folder, HashEncoder())  # checksums hold
        assert live.search("subject 7", 3)
    assert finished < 20, "no build was killed before its end"
    report = build_index(corpus, folder, HashEncoder())
    assert report.documents == 201
    assert current_generation(folder) == report.generation
    assert not list(folder.glob("building-*"))
