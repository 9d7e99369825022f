"""The chat page, the only part of the program that knows Gradio.

The page needs no network: its styles, scripts and icon (assets/) are part of it.
"""

from chatbot.app.page import build_page
from chatbot.app.serving import launch, page_address, require_free_port, require_mcp, serve

__all__ = ["build_page", "launch", "page_address", "require_free_port", "require_mcp", "serve"]
