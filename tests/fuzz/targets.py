"""Every kind of hostile input by its name: `python -m tests.fuzz` runs them, and so does tests/test_fuzz.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.answers import Answers, Connection, Mentions
from tests.fuzz.archives import Archives
from tests.fuzz.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fuzz.kinds import Target

TARGETS: dict[str, Callable[[Path], Target]] = {
    "configuration": Configuration,
    "archive": Archives,
    "mentions": Mentions,
    "answers": Answers,
    "connection": Connection,
}
