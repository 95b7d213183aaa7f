"""A fuzz target: for any input it returns a value or raises one of our own errors."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from bot.errors import MynahError
from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.history.store import Store
    from training.library.library import Library

OURS = (MynahError, TrainingError)
LONGEST = 20_000  # characters of a message, however much of the input it quotes


class Target(Protocol):
    """One kind of input."""

    def seeds(self) -> Iterable[bytes]:
        """Valid documents and known faults to start from."""

    def take(self, data: bytes) -> None:
        """Any exception that is not one of OURS is a finding."""

    def close(self) -> None: ...


class _RollBack(Exception):
    pass


@contextmanager
def rolled_back(database: Store | Library) -> Iterator[None]:
    """Roll back, so that each input starts from the same state."""
    with suppress(_RollBack), database.atomic():
        yield
        raise _RollBack


def error_message(target: Target, data: bytes) -> str:
    """The message of the error, or "" for accepted input; a message that cannot be printed is a finding too."""
    try:
        target.take(data)
    except OURS as error:
        message = str(error)
    else:
        return ""
    assert message
    message.encode()
    assert len(message) < LONGEST, f"a message of {len(message):,} characters"
    return message
