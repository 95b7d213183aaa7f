"""Regular expressions in linear time, whatever the pattern says.

Python's own engine may take years for thirty letters ("(a+)+$") and cannot be interrupted from another thread. Rust's,
which comes with pydantic, does not backtrack: it refuses look-around and backreferences, which need that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable


def matcher(pattern: str) -> Callable[[str], bool]:
    """A function that says whether the pattern matches anywhere in a text. Raises ValueError for a wrong pattern."""
    if not pattern:
        raise ValueError("an empty pattern matches every text: leave it out")
    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        raise ValueError(f"{pattern!r} is not a pattern that can be used: {_last_line(str(error))}") from None

    def matches(text: str) -> bool:
        if validator.isinstance_python(text):
            return True
        if text.isascii():
            return False
        try:  # what cannot be encoded was not looked at
            validator.validate_python(text)
        except ValidationError as error:
            if any(problem["type"] != "string_pattern_mismatch" for problem in error.errors(include_url=False)):
                raise
            return False
        return True

    return matches


def _last_line(message: str) -> str:
    """The reason; the lines before it draw the pattern."""
    last = message.strip().splitlines()[-1].strip()
    return last.removeprefix("error: ").removeprefix("SchemaError: ").rstrip(".")
