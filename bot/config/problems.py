"""What is wrong with a value of config.toml, in a sentence: its key, what it must be, and where it comes from.

pydantic's own sentences are for programmers; a test holds that none of them is shown.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.text import durations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "MYNAH_"
# By the beginning of pydantic's type of the error; the first that fits. In braces: a value from its context.
SENTENCES = (
    ("literal_error", "must be {expected}"),
    ("bool", "must be true or false"),
    ("int_from_float", "must be a whole number"),
    ("int", "must be a whole number"),
    ("float", "must be a number"),
    ("finite_number", "must be a number"),
    ("greater_than_equal", "must be at least {ge}"),
    ("greater_than", "must be more than {gt}"),
    ("less_than_equal", "must be at most {le}"),
    ("less_than", "must be less than {lt}"),
    ("string_too_long", "must have at most {max_length} characters"),
    ("string_too_short", "must have at least {min_length} characters"),
    ("string", "must be a text in quotes"),
    ("path", "must be a path in quotes"),
    ("time", 'must be a time of day such as "09:00"'),
    ("tuple", 'must be a list such as ["a", "b"]'),
    ("list", 'must be a list such as ["a", "b"]'),
    ("dict", "must be a table such as { a = 1 }"),
    ("model", "must be a section such as [{key}]"),
    ("missing", "is missing"),
)


def problem(detail: Any, origins: Mapping[str, str], keys: Iterable[str]) -> str:
    """One of pydantic's errors as a line for a person. It never has the value, which may be secret."""
    key = ".".join(str(part) for part in detail["loc"])
    related = (known for known in origins if f"{known}.".startswith(f"{key}.") or key.startswith(f"{known}."))
    origin = next((origins[known] for known in related), None)
    where = f" ({origin})" if origin else ""
    if detail["type"] == "extra_forbidden":
        nearest = nearest_key(key, keys)
        return f"{short(key)}: unknown key{where}" + (f"; did you mean {nearest}?" if nearest else "")
    return f"{short(key)}: {short(_sentence(detail, key))}{where}"


def nearest_key(key: str, keys: Iterable[str]) -> str:
    """The key that was probably meant: one that is spelt nearly so, or one of this name in another section."""
    from difflib import get_close_matches

    known, name = [*keys], _name(key)
    close = [other for other in known if get_close_matches(name, [_name(other)], cutoff=0.7)]
    close = get_close_matches(key, close, n=1, cutoff=0.7)
    elsewhere = [other for other in known if _name(other) == name]
    return close[0] if close else elsewhere[0] if len(elsewhere) == 1 else ""


def nearest_variable(name: str, keys: Iterable[str]) -> str:
    """The same for a variable of the environment."""
    key = nearest_key(name.removeprefix(PREFIX).lower().replace("__", "."), keys)
    return f"did you mean {PREFIX}{key.upper().replace('.', '__')}?" if key else ""


def short(text: str) -> str:
    """A message may quote a value as long as the file; its end, with the advice, is kept."""
    return text if len(text) <= 300 else f"{text[:100]} … {text[-180:]}"


def _name(key: str) -> str:
    return key.rpartition(".")[2]


def _shown(bound: Any) -> str:
    if isinstance(bound, timedelta):
        return durations.written(bound)
    return str(int(bound)) if isinstance(bound, float) and bound.is_integer() else str(bound)


def _sentence(detail: Any, key: str) -> str:
    kind, context = str(detail["type"]), {name: _shown(value) for name, value in (detail.get("ctx") or {}).items()}
    if kind in {"value_error", "assertion_error"}:
        return str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    for beginning, sentence in SENTENCES:
        if kind.startswith(beginning):
            try:
                return sentence.format(key=key, **context)
            except KeyError:
                continue
    return "is not a value for this key; config.example.toml shows one"
