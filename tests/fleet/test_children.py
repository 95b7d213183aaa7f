"""Work in processes of its own: one at a time, once, with the reason of a failure."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import structlog

from bot.fleet.children import Children

if TYPE_CHECKING:
    from pathlib import Path

APPEND = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"


def wait_for(children: Children) -> None:
    """Until all that was asked for has ended."""
    ended = threading.Event()
    children._waiting.put(None)
    thread = children._thread
    assert thread
    thread.join(60)
    ended.set()


def test_each_work_is_done_once_and_in_order(tmp_path: Path) -> None:
    children, path = Children(structlog.get_logger()), tmp_path / "file"
    for name in ("a", "b", "a"):
        children.ask(name, [sys.executable, "-c", APPEND, str(path), name])

    wait_for(children)

    assert path.read_text() == "ab"
    assert children.ask("a", []).why_failed == ""


def test_a_failure_keeps_the_last_line_and_is_not_repeated(tmp_path: Path) -> None:
    children = Children(structlog.get_logger())
    words = [sys.executable, "-c", "import sys; print('one'); sys.exit('mynah: no tweets\\x1b[31m')"]
    children.ask("a", words)

    wait_for(children)

    assert children.ask("a", words).why_failed == r"mynah: no tweets\x1b[31m"


def test_closing_ends_the_work_in_progress(tmp_path: Path) -> None:
    children, path = Children(structlog.get_logger()), tmp_path / "file"
    ready = tmp_path / "ready"
    ready_code = "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(600)"
    children.ask("long", [sys.executable, "-c", ready_code, str(ready)])
    children.ask("next", [sys.executable, "-c", APPEND, str(path), "x"])
    while not ready.exists():
        pass

    children.close()

    assert not path.exists()
    assert children.ask("late", []).why_failed is None
