"""What it is to speak, whatever computes it: a text that was said, and who can say one. It loads no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Sample:
    """One text, the prompt included."""

    text: str
    likelihood: float  # mean log-likelihood per new token in nats, the end included, before any filter
    finished: bool  # the model ended it; False: cut off at a limit


class Speaker(Protocol):
    """A model that speaks: the same seed gives the same drafts on the same machine."""

    def draft(
        self,
        prompt: str,
        *,
        n: int,
        seed: int,
        temperature: float = 1.0,
        top_p: float = 0.95,
        max_tokens: int = 96,
        author: str | None = None,
        one_line: bool = False,
        full: Callable[[str], bool] | None = None,
    ) -> list[Sample]:
        """`n` continuations of the prompt; temperature 0 takes the likeliest token each time.

        A model that knows its authors apart speaks as `author`, or as whom the seed chooses for each text.
        `one_line` ends a text at its first line break. `full` says of a text so far whether it is too long already:
        it is then cut, unfinished. A text that is full stays so, whatever is added.
        """

    def stream(
        self,
        prompt: str,
        *,
        n: int,
        seed: int,
        temperature: float = 1.0,
        top_p: float = 0.95,
        max_tokens: int = 96,
        author: str | None = None,
        one_line: bool = False,
        full: Callable[[str], bool] | None = None,
    ) -> Iterator[tuple[int, Sample]]:
        """The same drafts, each as soon as it is said, with its place among the `n`."""

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "", author: str | None = None) -> list[float]:
        """Mean log-likelihood per token in nats, the end included, of each text that stands right after `given`."""
