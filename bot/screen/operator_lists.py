"""The operator's own part of the screen: lists out of the configuration and its files, and a classifier.

A reload reads them anew; the classifier stays, for another one is another gigabyte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.config.state_dir import expanded
from bot.errors import ConfigError
from bot.screen import classifier, phrases
from bot.screen.chain import NO_LISTS
from bot.screen.lists import Lists
from bot.text import lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.config.settings import ScreenLists

MOST_BYTES = 4_000_000  # of a file; a list of words is a page or two


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
    deny = [*wanted.deny, *_lines("deny_file", wanted.deny_file)]
    if mute := [entry for entry in deny if not phrases.words(entry)]:
        raise ConfigError(
            f"screen.deny and deny_file: {mute[0]!r} has no letter and no digit; "
            "screen.deny_patterns finds signs and emoji"
        )
    allow = [*wanted.allow, *_lines("allow_file", wanted.allow_file)]
    return Lists.of(deny=deny, deny_patterns=wanted.deny_patterns, allow=allow)


def _lines(key: str, path: Path | None) -> list[str]:
    try:
        return lines.read(expanded(path), MOST_BYTES) if path else []
    except ValueError as error:
        raise ConfigError(f"screen.{key}: {path} {error}; it is a file with one phrase a line") from error
