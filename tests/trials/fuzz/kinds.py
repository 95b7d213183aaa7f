"""What a fuzz target is, and what it may do: return a value, or raise one of our own errors."""

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
    """One kind of input, by the way by which it comes in."""

    def seeds(self) -> Iterable[bytes]:
        """Valid documents, and faults that are known, to begin with."""

    def take(self, data: bytes) -> None:
        """Whatever this raises that is none of OURS is a finding."""

    def close(self) -> None: ...


class _Undone(Exception):
    pass


@contextmanager
def undone(memory: Store | Library) -> Iterator[None]:
    """Nothing is kept from one input to the next."""
    with suppress(_Undone), memory.atomic():
        yield
        raise _Undone


def tried(target: Target, data: bytes) -> str:
    """The sentence that refused it; nothing where it was taken. What is no sentence for a terminal is a finding too."""
    try:
        target.take(data)
    except OURS as error:
        told = str(error)
    else:
        return ""
    assert told
    told.encode()
    assert len(told) < LONGEST, f"a message of {len(told):,} characters"
    return told
