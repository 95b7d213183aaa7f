"""A model's card as a part of a page. It has texts from outside: its own HTML is left out, and links are checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markupsafe import Markup

from bot.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
LONGEST = 200_000  # characters


def page(text: str, files: str) -> Markup:
    """The card as HTML. `files` is the address before the names of its pictures."""
    parser = MarkdownIt("commonmark").enable("table")
    parsed = parser.parse(visible(FRONT_MATTER.sub("", text))[:LONGEST])
    tokens = [token for token in parsed if token.type != "html_block"]
    for token in tokens:
        token.children = [part for part in token.children or () if part.type != "html_inline"]
        for part in token.children:
            _mend(part, files)
        token.attrs.pop("style", None)  # of the cells of a table; the browser would refuse it
    _deepen(tokens)
    # markdown-it escapes every text and attribute, and `_mend` has checked the addresses
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704


def _mend(part: Token, files: str) -> None:
    if part.type == "image":
        name = str(part.attrs.get("src", ""))
        if not re.fullmatch(r"[\w.-]+", name):  # of another host
            part.type, part.tag = "text", ""
            return
        part.attrs["src"] = f"{files}{name}"
        part.attrs["loading"] = "lazy"
    elif part.type == "link_open":
        address = urlsplit(str(part.attrs.get("href", "")))
        if address.scheme != "https":
            part.attrs["href"] = "#"
        part.attrs["rel"] = "noopener noreferrer external"


def _deepen(tokens: Sequence[Any]) -> None:
    """Headings one level down: the page has one of the first level."""
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
