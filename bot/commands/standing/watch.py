"""`mynah watch`: the state of the bot, its newest posts and its log, until q or Ctrl-C."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.commands.console import terminal
from bot.commands.opening import loaded
from bot.errors import MynahError
from bot.text import times
from bot.text.wrapping import cells, wrapped

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator
    from datetime import datetime

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir

EVERY = 1.0  # seconds between two looks
POSTS = 5
FEWEST_LINES = 3  # of the log, on however low a terminal


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(json=False)


def watch(args: Namespace) -> int:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from bot.clock import SystemClock
    from bot.commands.console.keyboard import keys_within
    from bot.config.state_dir import StateDir
    from bot.text.visible import direct

    settings = loaded(args).settings
    if terminal.width() is None or not sys.stdin.isatty():
        raise MynahError("`mynah watch` needs a terminal: `mynah status` shows the same once")
    console, folder, clock = Console(file=direct(sys.stdout), highlight=False), StateDir(settings.state), SystemClock()
    with (
        suppress(KeyboardInterrupt),
        keys_within(EVERY) as key,
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        while key() not in {"q", "\x04"}:
            text = page(settings, folder, clock, console.width, console.height, colour=terminal.has_colour())
            live.update(Text.from_ansi(text, no_wrap=True), refresh=True)
    return 0


def page(settings: Settings, folder: StateDir, clock: Clock, width: int, height: int, *, colour: bool) -> str:
    """A screen full of lines: the state, the posts, and as much of the log as there is room for."""
    from bot.commands.standing.summary import eight_lines
    from bot.running.status import row

    now, zone = clock.now(), settings.schedule.timezone
    last = "q quits" if width < 60 else "q quits; everything goes on without this window"
    try:
        state = eight_lines(row(settings, folder, now), now, zone, width=width, colour=colour).split("\n")
    except MynahError as error:  # shown as long as it lasts, as the rest is
        state = wrapped(str(error), width)
    posts = [*_posts(folder, now, width, colour=colour)]
    top = [*state, "", _title("posts", colour=colour), *(posts or ["  none yet"]), "", _title("log", colour=colour)]
    room = max(height - len(top) - 2, FEWEST_LINES)
    lines = [*_log(settings, folder, width, room, colour=colour)][-room:] or ["  none yet: the running bot writes it"]
    lines += [""] * (height - len(top) - len(lines) - 1)
    return "\n".join([*top, *lines, terminal.painted(last, "dim") if colour else last])


def _posts(folder: StateDir, now: datetime, width: int, *, colour: bool) -> Iterator[str]:
    from bot.commands.console import tables
    from bot.commands.standing.summary import shortened
    from bot.history.store import Store

    if not folder.history.exists():
        return
    try:
        with Store.open(folder.history, read_only=True) as store:
            newest = store.history(dry=None, limit=POSTS)
    except MynahError:
        return  # the state says what is wrong
    for post in newest:
        when = times.distance(post.sent_at or post.created_at, now)
        text = shortened(tables.shown(" ".join(post.text.split())), max(width - cells(when) - len(post.state) - 6, 10))
        state = terminal.painted(post.state, terminal.MEANINGS.get(post.state, "")) if colour else post.state
        yield f"  {terminal.painted(when, 'dim') if colour else when}  {state}  {text}"


def _log(settings: Settings, folder: StateDir, width: int, most: int, *, colour: bool) -> Iterator[str]:
    from zoneinfo import ZoneInfo

    from bot.running.logs.file import newest
    from bot.running.logs.lines import LogLines

    lines = LogLines(zone=ZoneInfo(settings.schedule.timezone), width=lambda: width, colour=colour)
    for event in newest(folder.root, most):
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # a line that another version wrote
            yield from lines(None, "", event).split("\n")


def _title(text: str, *, colour: bool) -> str:
    return terminal.painted(text, "bold") if colour else text
