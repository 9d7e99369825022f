"""A chatbot that answers from documents, in their own words, with citations."""

__version__ = "0.1.0"
