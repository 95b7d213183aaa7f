"""Regular expressions whose time is bound: each takes a time that grows with the text, and no more, whatever it says.

Python's own may take years over thirty letters ("(a+)+$") and cannot be stopped from another thread. pydantic brings an
engine that never goes back (Rust's): look-around and references to groups, which need that, are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable


def compiled(pattern: str) -> Callable[[str], bool]:
    """Does it stand anywhere in a text? ValueError says what is wrong with it."""
    if not pattern:
        raise ValueError("an empty pattern stands in every text")
    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        raise ValueError(f"{pattern!r} is no pattern that can be used: {_why(str(error))}") from None

    def stands_in(text: str) -> bool:
        try:
            validator.validate_python(text)
        except ValidationError as error:
            if any(problem["type"] != "string_pattern_mismatch" for problem in error.errors(include_url=False)):
                raise
            return False
        return True

    return stands_in


def _why(said: str) -> str:
    """The engine's last line: the ones before it draw the pattern."""
    last = said.strip().splitlines()[-1].strip()
    return last.removeprefix("error: ").removeprefix("SchemaError: ").rstrip(".")
