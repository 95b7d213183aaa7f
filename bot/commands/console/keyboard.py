"""Asks a person: by single keys on a terminal, otherwise by lines from standard input.

Ctrl-C raises KeyboardInterrupt at any time, and after a question the terminal has its earlier settings again.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from bot.commands.console.terminal import width as terminal_width
from bot.errors import MynahError
from bot.text.visible import direct
from bot.text.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    *lines, last = wrapped(f"{question} [y/N]", terminal_width(), hang="  ")
    print(*lines, sep="\n", end="\n" if lines else "")
    try:
        return input(f"{last} ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


@contextmanager
def keys_within(seconds: float) -> Iterator[Callable[[], str]]:
    """Gives a function that waits that long for a key, and returns "" without one; the first call does not wait."""
    import os
    import select
    import termios
    import tty

    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    wait = 0.0

    def key() -> str:
        nonlocal wait
        is_ready, wait = select.select([stdin], [], [], wait)[0], seconds
        typed = os.read(stdin, 64).decode(errors="replace") if is_ready else ""
        return (typed or END) if is_ready else ""  # nothing to read: the terminal has gone

    try:
        tty.setcbreak(stdin)
        yield key
    finally:
        with suppress(termios.error):
            termios.tcsetattr(stdin, termios.TCSADRAIN, before)


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
