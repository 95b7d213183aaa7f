"""Text from outside made safe for the places on a card: YAML, HTML, Markdown and its tables. All pure.

A display name is written by whoever owns the account: it may hold pipes, tags, line breaks and marks that turn the
direction of all that follows. Nothing of that may reach the page as anything but letters.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

JOINERS = "\u200c\u200d"  # the format characters that make letters and emoji, and turn nothing
ACTIVE = re.compile(r"([\\`*_\[\]<>|~$&])")  # within a line, Markdown, its tables and its formulas take these for signs
LINK = re.compile(r"(https?:|ftp:|www)(?=[/.])", re.IGNORECASE)  # what becomes a link by itself
WORD_JOINER = "\u2060"  # has no width, and no link goes across it
LONGEST = 300  # characters, by default; X allows fifty for a name
PICTURE = re.compile(r"https://[A-Za-z0-9._~/%-]+|[A-Za-z0-9_][A-Za-z0-9._-]*")


def plain(text: str, longest: int = LONGEST) -> str:
    """One line of visible characters, however it came; cut, it says so."""
    spaced = "".join(" " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each for each in text)
    seen = (each for each in spaced if each in JOINERS or unicodedata.category(each) not in {"Cf", "Cs"})
    line = " ".join("".join(seen).split())
    return line if len(line) <= longest else f"{line[: longest - 1].strip()}…"


def in_html(text: str) -> str:
    return html.escape(plain(text))


def in_markdown(text: str, longest: int = LONGEST) -> str:
    """For a sentence or the cell of a table."""
    return ACTIVE.sub(r"\\\1", LINK.sub(rf"\1{WORD_JOINER}", plain(text, longest)))


def in_code(text: str) -> str:
    """A string of Python and of JSON."""
    return json.dumps(text, ensure_ascii=False)


def picture(name: str) -> str:
    """The address of a picture on the web or the name of one beside the card, or nothing where it is neither."""
    return name if PICTURE.fullmatch(name) else ""


def front_matter(values: Mapping[str, object]) -> str:
    """The YAML at the top. JSON is YAML, and every string is quoted: bare, the language `no` would be false."""
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value)
    return "\n".join(("---", *lines, "---"))


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """A Markdown table of cells that are safe already; the columns in `right` hold numbers."""
    rule = ["---:" if column in right else "---" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, rule, *rows))


def hyperparameters(recipe: Any, run: Mapping[str, object], *, idle: Iterable[str] = ()) -> str:
    """Every field of a dataclass of them, by its name there, save those that were idle; below them what happened."""
    values = [(name, value) for name, value in _flat(asdict(recipe)) if name not in set(idle)]
    rows = [(f"`{name}`", in_markdown(number(value))) for name, value in values]
    rows += [(in_markdown(name), in_markdown(number(value))) for name, value in run.items()]
    return table(("hyperparameter", "value"), rows, right=(1,))


def number(value: object) -> str:
    """A value as one would say it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(number, value))
    return str(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
