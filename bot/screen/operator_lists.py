"""The operator's own rules of the screen: lists from the configuration and its files, and a classifier.

A reload reads the lists again and keeps the classifier: a second one in memory would take another gigabyte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.config.state_dir import expanded
from bot.errors import ConfigError
from bot.screen import phrases
from bot.screen.chain import NO_LISTS
from bot.screen.classifier import open_classifier
from bot.screen.lists import Lists
from bot.text import lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.config.settings import ScreenLists

MAX_BYTES = 4_000_000  # of a file; a word list is a page or two


@dataclass(frozen=True, slots=True)
class Rules:
    lists: Lists = NO_LISTS
    classify: Callable[[str], str] | None = None  # which of the classifier's labels a text has


def read(settings: ScreenLists) -> Rules:
    classify = None
    if settings.classifier:
        folder = expanded(settings.classifier)
        classify = open_classifier(folder, settings.classifier_labels, settings.classifier_threshold)
    return Rules(lists(settings), classify)


def entries(settings: ScreenLists) -> tuple[list[str], list[str]]:
    """The entries of the two lists, deny and allow, with those of their files."""
    deny = [*settings.deny, *_lines("deny_file", settings.deny_file)]
    return deny, [*settings.allow, *_lines("allow_file", settings.allow_file)]


def lists(settings: ScreenLists) -> Lists:
    deny, allow = entries(settings)
    if wordless := [entry for entry in deny if not phrases.words(entry)]:
        raise ConfigError(
            f"screen.deny and deny_file: {wordless[0]!r} has no letter and no digit; "
            "screen.deny_patterns finds signs and emoji"
        )
    return Lists.of(deny=deny, deny_patterns=settings.deny_patterns, allow=allow)


def _lines(key: str, path: Path | None) -> list[str]:
    try:
        return lines.read(expanded(path), MAX_BYTES) if path else []
    except ValueError as error:
        raise ConfigError(f"screen.{key}: {path} {error}; it must be a text file with one phrase a line") from error
