"""No sentence of pydantic's reaches a person, whatever stands where in config.toml."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from bot.config.load import DEFAULTS, KEYS, SECTIONS, load
from bot.config.problems import nearest_key, nearest_variable
from bot.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

WRONG = ("[]", "{ a = 1 }", "2026-11-20", "-1", "1e400", "1.5", "true", '""', '"\\u0000"', "[[1]]", "[{ a = 1 }]")
# The beginnings of the sentences of pydantic_core, and its names of errors.
OF_PYDANTIC = re.compile(
    r"Input should|Value error|valid (?:string|integer|number|boolean|dict|list|tuple)|unable to|Extra inputs|"
    r"Field required|Assertion|instance of|_type\b|_parsing\b|frozenset|timedelta|SecretStr|Decimal"
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MYNAH_TRAINING__BASE_MODEL", raising=False)

    def problems(text: str) -> str:
        file = tmp_path / "config.toml"
        file.write_text(text, encoding="utf-8")
        try:
            load(file)
        except ConfigError as error:
            return str(error)
        return ""

    return problems


@pytest.mark.parametrize("value", WRONG)
def test_no_wrong_value_is_answered_in_the_words_of_pydantic(config: Any, value: str) -> None:
    document = "\n".join(f"{key} = {value}" for key in KEYS if key not in SECTIONS)

    answer = config(document)

    assert OF_PYDANTIC.findall(answer) == []
    assert len(answer.splitlines()) > 20  # each of them is a line


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_a_value_in_the_place_of_a_section_gives_a_sentence(config: Any, section: str) -> None:
    assert f"{section}: must be a section such as [{section}]" in config(f"{section} = 1")


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("voice.temperatur", "voice.temperature"),
        ("mod", "mode"),
        ("timezone", "schedule.timezone"),
        ("schedul.timezone", "schedule.timezone"),
        ("replies.timezone", "schedule.timezone"),
        ("schedule.quiet", ""),
        ("nope", ""),
    ],
)
def test_an_unknown_key_names_the_one_that_was_meant(config: Any, key: str, nearest: str) -> None:
    answer = config(f"{key} = 1")

    assert f"{key}: unknown key" in answer or f"{key.split('.', maxsplit=1)[0]}: unknown key" in answer
    assert nearest_key(key, KEYS) == nearest
    if "." not in key:
        assert ("did you mean" in answer) == bool(nearest)


def test_an_unknown_variable_names_the_one_that_was_meant() -> None:
    assert nearest_variable("MYNAH_SCHEDUL__TIMEZONE", KEYS) == "did you mean MYNAH_SCHEDULE__TIMEZONE?"
    assert nearest_variable("MYNAH_NOPE", KEYS) == ""


def test_the_keys_are_all_keys() -> None:
    assert set(KEYS) == {*DEFAULTS, *(f"{section}.{key}" for section in SECTIONS for key in DEFAULTS[section])}
