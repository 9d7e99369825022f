"""What programs may ask: the named endpoints of Gradio's API, and the tools of the MCP server.

Annotations are not postponed here, since Gradio reads those of what an endpoint returns as they stand.
"""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.events import api

from chatbot import answer as answers
from chatbot.answer import LONGEST_QUESTION, check_question
from chatbot.collection import Collection
from chatbot.errors import ChatbotError, QuestionError
from chatbot.index import Hit, PassageIndex

MOST_HITS = 100
LONGEST_HISTORY = 100  # questions
MOST_CITATIONS = 100

Json = dict[str, Any]


class ProgramError(gr.Error):
    """An error whose message a program gets, and no window shows."""

    def __init__(self, message: str) -> None:
        super().__init__(message, duration=None, visible=False, print_exception=False)

    def __str__(self) -> str:
        return str(self.message)


class Programs:
    """The docstrings here are what the tools' users read."""

    def __init__(self, collections: Mapping[str, Collection]) -> None:
        self.collections = collections

    def ask(
        self,
        question: str,
        history: list[str] = [],  # noqa: B006  # clients are told it
        collection: str = "",
        only: list[str] = [],  # noqa: B006
    ) -> Json:
        """Answer a question from the documents, in their own words, with a citation for every sentence.

        The status says whether they answer it: answered, disagreement (they differ, each is quoted),
        closest (they do not answer, the nearest sentences are quoted), not_found, or smalltalk. Every quote
        stands word for word in its document from character start to end.

        Args:
            question: the question, in up to 2,000 characters
            history: the user's earlier questions of this conversation, oldest first, if this one follows up
            collection: the name of the collection to ask; left out, the first one
            only: the doc_id of each document to answer from; left out, all documents
        """
        if not isinstance(history, list) or not all(isinstance(asked, str) for asked in history):
            raise QuestionError("history must be a list of texts, the earlier questions")
        if len(history) > LONGEST_HISTORY or any(len(asked) > LONGEST_QUESTION for asked in history):
            raise QuestionError(
                f"history has at most {LONGEST_HISTORY} questions of {LONGEST_QUESTION:,} characters"
            )
        chatbot = self._collection(collection).chatbot
        reply = chatbot.answer(_question(question), history, only=_documents(only))
        return {"id": "", **reply.to_json()}

    def search(
        self,
        query: str,
        limit: int = 10,
        collection: str = "",
        only: list[str] = [],  # noqa: B006
    ) -> list[Json]:
        """Find the passages of the documents that fit a query best by meaning and words, best first.

        Args:
            query: words or a question, in up to 2,000 characters
            limit: how many passages at most, 1 to 100
            collection: the name of the collection to search; left out, the first one
            only: the doc_id of each document to search; left out, all documents
        """
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_HITS:
            raise QuestionError(f"limit must be a whole number from 1 to {MOST_HITS}")
        index = self._collection(collection).live_index
        chosen = answers.check_chosen(_documents(only), index)
        return [_describe_hit(hit, index) for hit in index.search(_question(query), limit, only=chosen)]

    def verify(self, answer: Json, collection: str = "") -> list[Json]:
        """Check the citations of an earlier answer against the documents as they are now.

        The state of each is valid (the quote stands where it was), moved (elsewhere in its document),
        changed (no longer in it) or gone (no such document).

        Args:
            answer: what ask returned, or an object with its citations
            collection: the name of the collection that answered; left out, the first one
        """
        if not isinstance(answer, dict) or not isinstance(answer.get("citations"), list):
            raise QuestionError('answer must be what ask returned: an object with a list of "citations"')
        if len(answer["citations"]) > MOST_CITATIONS:
            raise QuestionError(f"answer has more than {MOST_CITATIONS} citations")
        verdicts = answers.verify(answer, self._collection(collection).live_index)
        return [asdict(verdict) for verdict in verdicts]

    def list_documents(self, collection: str = "") -> Json:
        """List the documents of a collection, the names of all collections, and files that could not be read.

        Args:
            collection: the name of the collection to list; left out, the first one
        """
        chosen = self._collection(collection)
        index = chosen.live_index
        return {
            "collection": chosen.name,
            "collections": list(self.collections),
            "documents": [_describe_document(doc_id, index) for doc_id, _ in index.titles()],
            "unread_files": index.manifest["unread_files"],
        }

    def _collection(self, name: str) -> Collection:
        if name == "":
            return next(iter(self.collections.values()))
        if not isinstance(name, str) or name not in self.collections:
            raise QuestionError(f"there is no such collection; there are {', '.join(self.collections)}")
        return self.collections[name]


def add_programs(collections: Mapping[str, Collection]) -> None:
    """The four endpoints. Added before the page's own events, so that the names are theirs."""
    programs = Programs(collections)
    for endpoint in (programs.ask, programs.search, programs.verify, programs.list_documents):
        # without the queue, a plain POST gets the answer and an MCP client is spared a second connection
        api(_telling(endpoint), api_name=endpoint.__name__, queue=False)


def give_json(page: gr.Blocks) -> None:
    """Let the tools of a page that was launched with an MCP server answer in JSON, not in Python's notation."""
    from mcp.types import TextContent

    server = page.mcp_server_obj
    if server is None:
        raise ChatbotError(f"the MCP server did not start: {page.mcp_error}")

    def as_json(data: list[Any], _root_url: str) -> list[TextContent]:
        return [TextContent(type="text", text=json.dumps(output, ensure_ascii=False)) for output in data]

    server.postprocess_output_data = as_json  # type: ignore[method-assign,assignment]


def _telling(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint with errors that reach the program that called it."""

    @functools.wraps(endpoint)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return endpoint(*args, **kwargs)
        except ChatbotError as error:
            raise ProgramError(str(error)) from error

    return told


def _question(text: str) -> str:
    if not isinstance(text, str):
        raise QuestionError("the question must be text")
    return check_question(text)


def _documents(only: object) -> frozenset[str]:
    if not isinstance(only, list) or not all(isinstance(doc_id, str) for doc_id in only):
        raise QuestionError("only must be a list of texts, the doc_id of each document to look in")
    return frozenset(only)


def _describe_hit(hit: Hit, index: PassageIndex) -> Json:
    passage = hit.passage
    return {
        "rank": hit.rank,
        "doc_id": passage.doc_id,
        "title": hit.title,
        "section": passage.section,
        "source": hit.source,
        "page": index.document(passage.doc_id).page_at(passage.start),
        "start": passage.start,
        "end": passage.end,
        "text": hit.text,
        "score": hit.score,
        "why": hit.why,
    }


def _describe_document(doc_id: str, index: PassageIndex) -> Json:
    document = index.document(doc_id)
    return {
        "doc_id": doc_id,
        "title": document.title,
        "source": document.source,
        "pages": document.pages or None,
        "characters": len(document.text),
    }
