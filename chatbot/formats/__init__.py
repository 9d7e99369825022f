"""Files as runs of prose: one module a format, behind `read_file`.

Markdown and JSON lines are read in `chatbot.corpus`.
"""

from __future__ import annotations

from chatbot.formats.content import MAX_FILE_BYTES, Content, Part, Unreadable
from chatbot.formats.encoding import decode
from chatbot.formats.reading import is_laid_out, kind_of, read, read_bytes, read_file

__all__ = [
    "MAX_FILE_BYTES",
    "Content",
    "Part",
    "Unreadable",
    "decode",
    "is_laid_out",
    "kind_of",
    "read",
    "read_bytes",
    "read_file",
]
