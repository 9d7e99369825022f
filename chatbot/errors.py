"""Errors that a user can act on.

ChatbotError
├── CorpusError          a document, query or judgement file cannot be used as it stands
│   └── CorpusMissing    no such folder, or nothing readable in it
├── EncoderError         the model is missing, or its weights are not what they should be
├── IndexProblem
│   ├── IndexMissing     nothing built yet
│   ├── IndexBroken      truncated or changed files, unknown format
│   ├── IndexMismatch    built by another encoder
│   ├── IndexBusy        another build holds the lock
│   └── IndexReadOnly    the folder cannot be written
├── QuestionError        what is asked cannot be: no words, too long, of unknown documents, not the JSON it must be
├── ReceiptError         no receipt, or one that is damaged
└── PortBusy             the address of the page is taken

Every message says what is wrong, where, and what to do about it.
"""

from __future__ import annotations


class ChatbotError(Exception):
    """Root of the tree; caught at the edge (`main`, the page, a thread), or where work goes on without what failed."""


class CorpusError(ChatbotError):
    pass


class CorpusMissing(CorpusError):
    pass


class EncoderError(ChatbotError):
    pass


class IndexProblem(ChatbotError):
    pass


class IndexMissing(IndexProblem):
    pass


class IndexBroken(IndexProblem):
    pass


class IndexMismatch(IndexProblem):
    pass


class IndexBusy(IndexProblem):
    pass


class IndexReadOnly(IndexProblem):
    pass


class QuestionError(ChatbotError):
    pass


class ReceiptError(ChatbotError):
    pass


class PortBusy(ChatbotError):
    pass
