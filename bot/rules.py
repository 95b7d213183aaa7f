"""The operator's own part of the screen: lists out of the configuration and its files, and a classifier.

A reload reads them anew; the classifier stays, for another one is another gigabyte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot import classifier
from bot.errors import ConfigError
from bot.folder import expanded
from bot.screen.chain import NO_LISTS
from bot.screen.lists import Lists

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.settings import ScreenLists

TOO_LARGE = 4_000_000  # bytes; a list of words is a page or two


@dataclass(frozen=True, slots=True)
class Rules:
    lists: Lists = NO_LISTS
    classified: Callable[[str], str] | None = None  # which of its labels a text has


def read(wanted: ScreenLists) -> Rules:
    classified = None
    if wanted.classifier:
        folder = expanded(wanted.classifier)
        classified = classifier.opened(folder, wanted.classifier_labels, wanted.classifier_threshold)
    return Rules(lists(wanted), classified)


def lists(wanted: ScreenLists) -> Lists:
    return Lists.of(
        deny=[*wanted.deny, *_lines("deny_file", wanted.deny_file)],
        deny_patterns=wanted.deny_patterns,
        allow=[*wanted.allow, *_lines("allow_file", wanted.allow_file)],
    )


def _lines(key: str, path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        found = expanded(path).read_bytes()[: TOO_LARGE + 1]
        if len(found) > TOO_LARGE:
            raise ConfigError(f"screen.{key}: {path} is larger than a list of words can be ({TOO_LARGE:,} bytes)")
        return found.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(f"screen.{key}: {path}: {error.strerror}; it is a file with one phrase a line") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"screen.{key}: {path} is not UTF-8 text") from error
