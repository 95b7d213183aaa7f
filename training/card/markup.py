"""Text from outside made safe for a card: YAML, HTML, Markdown and its tables.

The owner of an account chooses its display name: it may hold pipes, tags, line breaks and direction marks. They must
reach the page as plain characters or not at all.
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

JOINERS = "\u200c\u200d"  # the format characters that join letters and emoji, and do not change the direction
ACTIVE = re.compile(r"([\\`*_\[\]<>|~$&])")  # active in a line of Markdown, its tables and its formulas
LINK = re.compile(r"(https?:|ftp:|www)(?=[/.])", re.IGNORECASE)  # what Markdown turns into a link by itself
WORD_JOINER = "\u2060"  # has no width, and breaks a link
LONGEST = 300  # characters, by default; X allows fifty for a name
PICTURE = re.compile(r"https://[A-Za-z0-9._~/%-]+|[A-Za-z0-9_][A-Za-z0-9._-]*")


def plain(text: str, longest: int = LONGEST) -> str:
    """One line of visible characters, with an ellipsis where it was cut."""
    spaced = "".join(" " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each for each in text)
    visible = (each for each in spaced if each in JOINERS or unicodedata.category(each) not in {"Cf", "Cs"})
    line = " ".join("".join(visible).split())
    return line if len(line) <= longest else f"{line[: longest - 1].strip()}…"


def in_html(text: str) -> str:
    return html.escape(plain(text))


def in_markdown(text: str, longest: int = LONGEST) -> str:
    """For a sentence or the cell of a table."""
    return ACTIVE.sub(r"\\\1", LINK.sub(rf"\1{WORD_JOINER}", plain(text, longest)))


def in_code(text: str) -> str:
    """A string literal of Python and of JSON."""
    return json.dumps(text, ensure_ascii=False)


def picture(name: str) -> str:
    """The name if it is an https address or the name of a file next to the card, else ""."""
    return name if PICTURE.fullmatch(name) else ""


def front_matter(values: Mapping[str, object]) -> str:
    """The YAML at the top. JSON is YAML, and every string is quoted: bare, the language `no` would be false."""
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value)
    return "\n".join(("---", *lines, "---"))


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """A Markdown table of safe cells; the columns in `right` are right-aligned."""
    rule = ["---:" if column in right else "---" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, rule, *rows))


def hyperparameters(recipe: Any, run: Mapping[str, object], *, idle: Iterable[str] = ()) -> str:
    """A table of the fields of a recipe, without the idle ones, followed by the values of `run`."""
    values = [(name, value) for name, value in _flat(asdict(recipe)) if name not in set(idle)]
    rows = [(f"`{name}`", in_markdown(number(value))) for name, value in values]
    rows += [(in_markdown(name), in_markdown(number(value))) for name, value in run.items()]
    return table(("hyperparameter", "value"), rows, right=(1,))


def number(value: object) -> str:
    """A value as text for people."""
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
