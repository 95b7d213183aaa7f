"""What a terminal can show: its width, colours and letters. Loads nothing slow.

Off a terminal there is no width and no colour: a pipe gets every line whole.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from bot.text.visible import direct, visible
from bot.text.wrapping import wrapped

NARROWEST = 20  # columns; below that, lines are wrapped as if the terminal had these
STYLES = {
    "bold": "1",
    "dim": "2",
    "good": "32",
    "warn": "33",
    "bad": "31",
    "accent": "36",
}
# One colour for each word that says how something stands, in every table.
MEANINGS = {
    **dict.fromkeys(("ok", "pass", "chosen", "posted", "in use", "well"), "good"),
    **dict.fromkeys(("warn", "waiting", "drafted", "approved", "sending", "unknown", "previous", "paused"), "warn"),
    **dict.fromkeys(("fail", "refuse", "refused", "failed", "abandoned", "damaged"), "bad"),
    **dict.fromkeys(("dry", "expired", "rejected", "skipped", "default"), "dim"),
}
ASCII = str.maketrans({"·": "-", "…": "~", "─": "-", "━": "=", "│": "|", "✓": "+", "→": ">"})


def width(stream: TextIO | None = None) -> int | None:
    """The columns of the stream's terminal; None if it is none."""
    stream = sys.stdout if stream is None else stream
    try:
        if not stream.isatty():
            return None
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # a terminal without a size, or a closed stream
        columns = 0
    wanted = os.environ.get("COLUMNS", "")
    columns = int(wanted) if wanted.isdecimal() and len(wanted) < 5 and int(wanted) else columns
    return max(columns or shutil.get_terminal_size().columns, NARROWEST)


def has_colour(stream: TextIO | None = None) -> bool:
    """As https://no-color.org asks, and none where the terminal knows no colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return width(stream) is not None


def has_unicode(stream: TextIO | None = None) -> bool:
    encoding = getattr(direct(sys.stdout if stream is None else stream), "encoding", None) or "utf-8"
    return encoding.lower().replace("-", "").startswith("utf")


def painted(text: str, style: str) -> str:
    code = STYLES.get(style, "")
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def say(text: str = "", *, stream: TextIO | None = None, style: str = "", hang: str = "  ") -> None:
    """Print lines that fit the terminal."""
    stream = sys.stdout if stream is None else stream
    lines = wrapped(visible(text), width(stream), hang=hang)
    put("\n".join(painted(line, style) if style and has_colour(stream) else line for line in lines), stream)


def hint(sentence: str, stream: TextIO | None = None) -> None:
    """Say what comes next: on this stream, or else on standard error if a person reads it and not a script."""
    if stream is not None or width(sys.stderr) is not None:
        _say_after("next:", "accent", sentence, stream or sys.stderr)


def warn(sentence: str) -> None:
    """Say on standard error what the program has to say about a problem."""
    _say_after("mynah:", "bad", sentence, sys.stderr)


def _say_after(word: str, style: str, sentence: str, stream: TextIO) -> None:
    first, *others = wrapped(visible(f"{word} {sentence}"), width(stream), hang="  ")
    if has_colour(stream):
        first = painted(word, style) + first.removeprefix(word)
    put("\n".join([first, *others]), stream)


def put(text: str, stream: TextIO | None = None) -> None:
    """Print a text that is laid out and coloured; what came from outside in it has been made visible."""
    stream = sys.stdout if stream is None else stream
    print(text if has_unicode(stream) else text.translate(ASCII), file=direct(stream), flush=True)
