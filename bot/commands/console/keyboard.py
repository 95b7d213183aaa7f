"""Asks a person: by single keys on a terminal, otherwise by lines from standard input.

Ctrl-C raises KeyboardInterrupt at any time, and after a question the terminal has its earlier settings again.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Protocol

from bot.errors import MynahError
from bot.text.visible import direct

CLEAR = "\x1b[H\x1b[2J"
END = "\x04"  # Ctrl-D, which sends no signal


class Terminal(Protocol):
    def show(self, page: str) -> None:
        """Show a page in place of the previous one."""

    def choice(self, question: str) -> tuple[str, str]:
        """Return a key and the text typed after it; ("", "") at the end of input."""

    def words(self, question: str, default: str = "") -> str | None:
        """Let the person edit a line that starts as `default`; None if there is no terminal."""


class Keyboard:
    """On a terminal: one key, without Enter."""

    def show(self, page: str) -> None:
        direct(sys.stdout).write(CLEAR)
        print(page, flush=True)

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
    """Without a terminal: one answer per line, such as `r not funny`."""

    def show(self, page: str) -> None:
        print(page, flush=True)

    def choice(self, question: str) -> tuple[str, str]:
        print(question, flush=True)
        for line in sys.stdin:
            key, _, words = line.strip().partition(" ")
            if key:
                return key[0].lower(), words.strip()
        return "", ""

    def words(self, question: str, default: str = "") -> str | None:  # noqa: ARG002  part of the protocol
        return None


def terminal() -> Terminal:
    both = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return Keyboard() if both else Lines()


def confirm(question: str) -> bool:
    """Ask a yes/no question. Works only on a terminal; a script passes --yes."""
    if not sys.stdin.isatty():
        raise MynahError("this needs confirmation, and there is no terminal to ask on: pass --yes to confirm")
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _key() -> str:
    """The next key. Arrow keys and others send several characters, which must not count as keys of their own."""
    import os
    import termios
    import tty

    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    try:
        # Keys arrive at once and are not echoed; Ctrl-C is still a signal. Keys typed before the question are dropped.
        tty.setcbreak(stdin, termios.TCSAFLUSH)
        typed = os.read(stdin, 64).decode(errors="replace")
    finally:
        with suppress(termios.error):  # the terminal has gone
            termios.tcsetattr(stdin, termios.TCSADRAIN, before)
    return typed if len(typed) == 1 else ("?" if typed else "")
