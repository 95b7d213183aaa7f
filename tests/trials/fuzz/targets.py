"""The fuzz targets by name, for `python -m tests.trials.fuzz` and test_fuzz.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.trials.fuzz.answers import Answers, Connection, Mentions
from tests.trials.fuzz.archives import Archives
from tests.trials.fuzz.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.trials.fuzz.kinds import Target

TARGETS: dict[str, Callable[[Path], Target]] = {
    "configuration": Configuration,
    "archive": Archives,
    "mentions": Mentions,
    "answers": Answers,
    "connection": Connection,
}
