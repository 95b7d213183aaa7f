"""The operator's own rules of the screen: files that are read, and read again at a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.config.settings import ScreenLists
from bot.errors import ConfigError
from bot.screen.operator_lists import read

if TYPE_CHECKING:
    from pathlib import Path


def screen_lists(**values: Any) -> ScreenLists:
    return ScreenLists(**values)


def test_the_lists_in_the_configuration_and_in_files_are_combined(tmp_path: Path) -> None:
    (tmp_path / "deny.txt").write_text("\ufeff# mine\nmarmalade\n\n  two   geese \n", encoding="utf-8")

    lists = read(screen_lists(deny=["jam"], deny_file=tmp_path / "deny.txt")).lists

    assert [lists.why_not(text) is not None for text in ("Jam!", "marmalade", "TWO geese", "mine", "tea")] == [
        True, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"), [(None, "is not a file"), (b"\xff\xfe", "not UTF-8"), (b"x" * 4_000_001, "larger than")]
)
def test_a_list_that_cannot_be_read_is_a_configuration_error(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "deny.txt").write_bytes(content)

    with pytest.raises(ConfigError, match=rf"screen\.deny_file: .*{message}"):
        read(screen_lists(deny_file=tmp_path / "deny.txt"))


@pytest.mark.parametrize(
    ("values", "message"),
    [({"deny_patterns": ["(a)\\1"]}, "backreferences"), ({"classifier": "here"}, "classifier_labels")],
)
def test_invalid_rules_are_configuration_errors(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        screen_lists(**values)


def test_an_endless_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"screen\.allow_file: /dev/zero is not a file"):
        read(screen_lists(allow_file="/dev/zero"))


@pytest.mark.parametrize("entry", ["☔", "?!", " "])
def test_an_entry_without_letters_is_refused_and_the_message_names_the_alternative(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"no letter and no digit; screen\.deny_patterns"):
        read(screen_lists(deny=["goose", entry]))


def test_a_missing_classifier_is_a_model_error_at_startup(tmp_path: Path) -> None:
    from bot.errors import ModelError

    with pytest.raises(ModelError, match=r"screen\.classifier: .* no config\.json"):
        read(screen_lists(classifier=tmp_path, classifier_labels=["rude"]))
