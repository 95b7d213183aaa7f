"""A person who answers: by single keys on a terminal, by lines where there is none. It knows no posts.

Ctrl-C is Python's KeyboardInterrupt all the while, and the terminal is as it was when a question ends.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Protocol

from bot.errors import MynahError

CLEAR = "\x1b[H\x1b[2J"
END = "\x04"  # Ctrl-D, which is no signal


class Terminal(Protocol):
    def show(self, page: str) -> None:
        """A page of its own."""

    def choice(self, question: str) -> tuple[str, str]:
        """A key, and the words that came with it; ("", "") when nobody answers any more."""

    def words(self, question: str, default: str = "") -> str | None:
        """A line, to be changed from `default`; None where nobody can be asked."""


class Keyboard:
    """A terminal: one key, and no Enter."""

    def show(self, page: str) -> None:
        print(CLEAR + page, flush=True)

    def choice(self, question: str) -> tuple[str, str]:
        print(question, end=" ", flush=True)
        key = _key()
        print(key if key.isprintable() else "", flush=True)
        return ("" if key == END else key.lower(), "")

    def words(self, question: str, default: str = "") -> str | None:
        import readline

        readline.set_startup_hook(lambda: readline.insert_text(default))
        try:
            return input(f"{question} ")
        except EOFError:
            print()
            return None
        finally:
            readline.set_startup_hook(None)


class Lines:
    """No terminal: a line an answer, such as `r not funny`."""

    def show(self, page: str) -> None:
        print(page, flush=True)

    def choice(self, question: str) -> tuple[str, str]:
        print(question, flush=True)
        for line in sys.stdin:
            key, _, words = line.strip().partition(" ")
            if key:
                return key[0].lower(), words.strip()
        return "", ""

    def words(self, question: str, default: str = "") -> str | None:  # noqa: ARG002  the protocol's words
        return None


def terminal() -> Terminal:
    both = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return Keyboard() if both else Lines()


def confirm(question: str) -> bool:
    """Only on a terminal: a script passes --yes."""
    if not sys.stdin.isatty():
        raise MynahError("this needs confirmation, and there is no terminal to ask on: pass --yes to confirm")
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _key() -> str:
    """The next key. Arrows and the like come as several characters, of which none may count as a key of its own."""
    import os
    import termios
    import tty

    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    try:
        tty.setcbreak(stdin)  # keys at once, unseen; Ctrl-C is still a signal
        termios.tcflush(stdin, termios.TCIFLUSH)  # what was typed before the question was shown is no answer to it
        typed = os.read(stdin, 64).decode(errors="replace")
    finally:
        with suppress(termios.error):  # a terminal that has gone needs nothing
            termios.tcsetattr(stdin, termios.TCSADRAIN, before)
    return typed if len(typed) == 1 else ("?" if typed else "")
