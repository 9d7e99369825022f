"""What users thought of answers, one JSON object a line."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from chatbot.answer import Answer


@dataclass(frozen=True)
class Feedback:
    """Votes, one JSON object a line; of several on one answer the last counts."""

    file: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def save(self, question: str, answer: Answer | None, vote: str) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "question": question,
            "vote": vote,
            "answer": answer.to_json() if answer else None,
        }
        with self._lock:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8", errors="backslashreplace") as lines:
                lines.write(json.dumps(line, ensure_ascii=False) + "\n")
