"""What every engine does the same: how a text is begun, who says it, by which dice, and when it ends.

It loads no model: the engine is given, in torch or in anything else.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from training.errors import ModelError
from training.models.model_dir import MAX_NEW_TOKENS
from training.speak.types import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tokenizers import Tokenizer

LOOK = 8  # tokens between two looks whether a text is full: it is spelt out each time, and a cut text is of no use


class Batch(Protocol):
    """Rows of text that grow together, a token each at a time."""

    def choose(self, dice: Sequence[Callable[[], float]], temperature: float, top_p: float) -> list[tuple[int, float]]:
        """For each row its next token, and that token's log-likelihood before any filter.

        The dice of a row fall evenly in (0, 1], and are thrown as often as it takes.
        """

    def go_on(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        """The `kept` rows (their present numbers, in their new order) read their tokens, the others leave."""


class Engine(Protocol):
    context: int  # tokens that it can read
    most: int  # rows that may grow together; of more, the others begin when these have ended

    def begin(self, ids: Sequence[int], rows: int, room: int) -> Batch:
        """So many rows that all begin with `ids` and grow by `room` tokens at most."""

    def log_likelihoods(self, begun: Sequence[int], tails: Sequence[Sequence[int]]) -> list[float]:
        """The log-likelihood of each tail, summed over its tokens, where it stands right after `begun`."""


@dataclass(slots=True)
class _Row:
    """A text that is being said."""

    place: int
    dice: Callable[[], float]
    tail: list[int] = field(default_factory=list)  # the new tokens
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """Rows that begin alike, and when they end."""

    begun: list[int]
    shown: int  # how many of the last tokens of `begun` are part of the text
    places: list[int]
    room: int
    one_line: bool
    full: Callable[[str], bool] | None


class Sampler:
    """Speaks with an engine; a `Speaker`.

    Every row throws dice of its own, so a draft depends on the seed, its place and the prompt, not on how many others
    are drafted: but for rounding, since a product of other sizes may be summed in another order.
    """

    def __init__(
        self, engine: Engine, pieces: Tokenizer, *, start: int, end: int, tags: Mapping[str, str] | None = None
    ) -> None:
        """`tags`: per author, what stands before each of his texts."""
        self._engine = engine
        self._pieces = pieces
        self._pieces.no_truncation()
        self._pieces.no_padding()
        self._start = start
        self._end = end
        self._tags = {author: self._spell(tag) for author, tag in (tags or {}).items()}
        self._breaks: dict[int, bool] = {}  # has this token a line break in it?

    def draft(
        self,
        prompt: str,
        *,
        n: int,
        seed: int,
        temperature: float = 1.0,
        top_p: float = 0.95,
        max_tokens: int = MAX_NEW_TOKENS,
        author: str | None = None,
        one_line: bool = False,
        full: Callable[[str], bool] | None = None,
    ) -> list[Sample]:
        """See `Speaker`."""
        drafts = self.stream(
            prompt,
            n=n,
            seed=seed,
            temperature=temperature,
            top_p=top_p,
            max_tokens=max_tokens,
            author=author,
            one_line=one_line,
            full=full,
        )
        return [sample for _, sample in sorted(drafts, key=lambda draft: draft[0])]

    def stream(
        self,
        prompt: str,
        *,
        n: int,
        seed: int,
        temperature: float = 1.0,
        top_p: float = 0.95,
        max_tokens: int = MAX_NEW_TOKENS,
        author: str | None = None,
        one_line: bool = False,
        full: Callable[[str], bool] | None = None,
    ) -> Iterator[tuple[int, Sample]]:
        """See `Speaker`."""
        # a trailing space would be a token of its own, where the model has only seen " word" as one piece
        said = self._spell(prompt.strip())
        voices = self._voices(author, n, seed)
        for voice in sorted(set(voices), key=str):
            begun = [self._start, *self._tag(voice), *said]
            room = min(max_tokens, self._engine.context - len(begun))
            if room < 1:
                limit = self._engine.context
                raise ModelError(f"The prompt has {len(begun)} tokens and the model reads {limit}: shorten it.")
            places = [place for place, chosen in enumerate(voices) if chosen == voice]
            for first in range(0, len(places), self._engine.most):
                some = places[first : first + self._engine.most]
                yield from self._tell(_Turn(begun, len(said), some, room, one_line, full), seed, temperature, top_p)

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "", author: str | None = None) -> list[float]:
        """See `Speaker`. Where the seed would choose the author, what the authors say of the text, taken together."""
        if not texts:
            return []
        voices = [author] if author or not self._tags else sorted(self._tags)
        tags = [self._tag(voice) for voice in voices]
        room = self._engine.context - max(map(len, tags))
        tails = [[*self._spell(text), self._end][:room] for text in texts]
        said = self._spell(given)
        said = said[max(0, len(said) + max(map(len, tails)) - room) :]  # of a long story its end
        told = [self._engine.log_likelihoods([self._start, *tag, *said], tails) for tag in tags]
        return [_mean(nats) / len(tail) for nats, tail in zip(zip(*told, strict=True), tails, strict=True)]

    def _tell(self, turn: _Turn, seed: int, temperature: float, top_p: float) -> Iterator[tuple[int, Sample]]:
        rows = [_Row(place, _dice(seed, place)) for place in turn.places]
        batch = self._engine.begin(turn.begun, len(rows), turn.room)
        while True:
            heard = batch.choose([row.dice for row in rows], temperature, top_p)
            kept = list(range(len(rows)))
            for number, (token, gain) in reversed(list(enumerate(heard))):
                rows[number].tail.append(token)
                rows[number].score += gain
                if sample := self._ended(rows[number], turn):
                    yield rows[number].place, sample
                    kept[number] = kept[-1]  # the last takes its number: the others need not move
                    kept.pop()
            if not kept:
                return
            rows = [rows[number] for number in kept]
            batch.go_on([row.tail[-1] for row in rows], kept)

    def _ended(self, row: _Row, turn: _Turn) -> Sample | None:
        """What the row has said, if that is all."""
        last, said = row.tail[-1], turn.begun[len(turn.begun) - turn.shown :]
        likelihood = row.score / len(row.tail)
        if last == self._end:
            return Sample(self._write([*said, *row.tail[:-1]]).strip(), likelihood, finished=True)
        if turn.one_line and self._breaks_line(last):
            text = self._write([*said, *row.tail])
            line_end = text.index("\n", len(self._write(said)))
            return Sample(text[:line_end].strip(), likelihood, finished=True)
        if len(row.tail) == turn.room or (turn.full and len(row.tail) % LOOK == 0):
            text = self._write([*said, *row.tail]).strip()
            if len(row.tail) == turn.room or (turn.full and turn.full(text)):
                return Sample(text, likelihood, finished=False)
        return None

    def _voices(self, author: str | None, n: int, seed: int) -> list[str | None]:
        """Who speaks in each row; nobody in particular where the model knows no authors."""
        if author is None and self._tags:
            return list(random.Random(seed).choices(sorted(self._tags), k=n))
        return [author] * n

    def _tag(self, author: str | None) -> list[int]:
        if author is None:
            return []
        if not self._tags:
            raise ModelError(f"The model cannot speak as @{author} alone: `training.tags` teaches the next one to.")
        if author not in self._tags:
            raise ModelError(f"The model does not know @{author}, only @{', @'.join(sorted(self._tags))}.")
        return self._tags[author]

    def _spell(self, text: str) -> list[int]:
        """One that quotes "<|endoftext|>" means the characters, not the token; half a character is a "?"."""
        self._pieces.encode_special_tokens = True
        whole = text.encode("utf-8", "replace").decode()
        ids: list[int] = self._pieces.encode(whole, add_special_tokens=False).ids
        return ids

    def _write(self, ids: Sequence[int]) -> str:
        """The spacing is the person's own: nothing is cleaned up."""
        text: str = self._pieces.decode(ids, skip_special_tokens=True)
        return text

    def _breaks_line(self, token: int) -> bool:
        if token not in self._breaks:
            self._breaks[token] = "\n" in self._write([token])
        return self._breaks[token]


def _dice(seed: int, place: int) -> Callable[[], float]:
    """Throws evenly in (0, 1]."""
    chance = random.Random(f"{seed} {place}")
    return lambda: 1.0 - chance.random()


def _mean(nats: Sequence[float]) -> float:
    """Of likelihoods, not of their logarithms."""
    most = max(nats)
    return most + math.log(sum(math.exp(one - most) for one in nats) / len(nats))
