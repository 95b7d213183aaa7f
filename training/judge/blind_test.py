"""The results of blind tests: how often a reader could tell a model's posts from the person's own.

They lie beside the model folder, since its manifest lists what was in it when it was made. No text is stored.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from training.errors import ModelError, OutOfRoom, is_full
from training.models.disk import sync
from training.models.model_dir import HALF_MADE
from training.models.registry import BLIND_TEST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Z = 1.96  # standard deviations of a normal distribution on either side that hold 95 %


@dataclass(frozen=True, slots=True)
class BlindTest:
    """One reader's answers, counted."""

    at: str  # ISO 8601, UTC
    seed: int
    texts: int
    right: int
    posts: int  # by the model
    believed: int  # posts by the model that the reader took for the person's


def interval(right: int, texts: int) -> tuple[float, float]:
    """The 95 % interval of the share of right answers, by Wilson (1927), which also holds for few and extreme answers.

    https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
    """
    if not texts:
        return 0.0, 1.0
    share, spread = right / texts, Z**2 / texts
    centre = (share + spread / 2) / (1 + spread)
    reach = Z * math.sqrt(share * (1 - share) / texts + spread / (4 * texts)) / (1 + spread)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def meaning(right: int, texts: int) -> str:
    """What so many right answers say about the model, in one sentence."""
    low, high = interval(right, texts)
    if low > 0.5:
        return "That is more than guessing explains: the bot can be told from the person."
    if high < 0.5:
        return "That is less than guessing gives: the bot's posts look more like the person than the person's own."
    return "Guessing could give the same: this does not show that the bot can be told from the person."


def total(tests: Iterable[BlindTest]) -> tuple[int, int]:
    """The right answers and the texts of all tests together."""
    tests = list(tests)
    return sum(test.right for test in tests), sum(test.texts for test in tests)


def read(version: Path) -> list[BlindTest]:
    """The tests of a version, the oldest first; a ModelError if the file is not what was written."""
    path = _path(version)
    try:
        rows = json.loads(path.read_bytes())["tests"]
        return [
            BlindTest(**{field.name: _value(row[field.name], field.type) for field in fields(BlindTest)})
            for row in rows
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not readable ({error}): move it away, and run `mynah blindtest` again.") from error


def keep(version: Path, test: BlindTest) -> None:
    """Add a test to those of the version; the file is replaced as a whole."""
    path = _path(version)
    content = json.dumps({"tests": [asdict(each) for each in (*read(version), test)]}, indent=2) + "\n"
    temporary = path.with_name(path.name + HALF_MADE)
    try:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(content)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        kind = OutOfRoom if is_full(error) else ModelError
        raise kind(f"{path} cannot be written ({error.strerror}), so the result of the test is not kept.") from error


def _path(version: Path) -> Path:
    return version.with_name(version.name + BLIND_TEST)


def _value(value: Any, kind: Any) -> Any:
    return int(value) if kind == "int" else str(value)
