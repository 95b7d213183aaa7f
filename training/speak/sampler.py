"""The sampling that all engines share: prompts, tags, random generators, and when a text ends. Loads no model."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from training.errors import ModelError
from training.speak.types import RUN, Sample, Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tokenizers import Tokenizer

LENGTH_CHECK_EVERY = 8  # tokens; each check decodes the whole text, so not after every token
# Drawing again is the same as drawing from the other tokens, as long as these have some of the mass. Where a mention
# has nine tenths of it, one row in six still begins one, and the screen refuses it. It is of little use to "tiny",
# whose vocabulary has no " @": after a lone " " hardly anything else comes. There it is the rules that prevent them.
REDRAWS = 16
MENTION = re.compile(r"(?<![0-9A-Za-z_])[@\uff20]")
DEFAULT = Sampling()


class Batch(Protocol):
    """Rows of text that grow together, one token at a time."""

    def sample(
        self, uniforms: Sequence[Callable[[], float]], temperature: float, top_p: float
    ) -> list[tuple[int, float]]:
        """For each row its next token, and that token's log-likelihood before any filter.

        The `uniforms` of a row draw evenly from (0, 1].
        """

    def advance(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        """The `kept` rows (their present indices, in their new order) read their tokens; the others are dropped."""


class Engine(Protocol):
    context: int  # tokens that it can read
    max_rows: int  # that may grow together; further rows begin when these have ended

    def begin(self, ids: Sequence[int], rows: int, max_tokens: int) -> Batch:
        """Rows that all begin with `ids` and grow by at most `max_tokens`."""

    def log_likelihoods(self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]) -> list[float]:
        """The log-likelihood of each continuation right after the prefix, summed over its tokens."""


@dataclass(slots=True)
class _Row:
    """A text that is not finished yet."""

    index: int
    uniform: Callable[[], float]
    tokens: list[int] = field(default_factory=list)  # the new ones
    nats: list[float] = field(default_factory=list)  # of each of them

    def sample(self, text: str, *, finished: bool) -> Sample:
        runs = [self.nats[start : start + RUN] for start in range(max(1, len(self.nats) - RUN + 1))]
        return Sample(text.strip(), _mean_of(self.nats), finished, weakest=min(map(_mean_of, runs)))


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows with the same beginning."""

    prefix: list[int]
    prompt: list[int]  # the last tokens of the prefix, which are part of the text
    indices: list[int]
    max_tokens: int
    sampling: Sampling


class Sampler:
    """A model that generates text: the same seed gives the same drafts on the same machine.

    Every row has a random generator of its own, so a draft depends on the seed, its index and the prompt, not on how
    many others are drafted; except for rounding, since a product of other sizes may be summed in another order.
    """

    def __init__(
        self, engine: Engine, pieces: Tokenizer, *, start: int, end: int, tags: Mapping[str, str] | None = None
    ) -> None:
        """`tags`: per author, what precedes each of their texts."""
        self._engine = engine
        self._pieces = pieces
        # Only where it changes something: voices of other threads may be using the same tokenizer.
        if pieces.truncation is not None:
            pieces.no_truncation()
        if pieces.padding is not None:
            pieces.no_padding()
        self._start = start
        self._end = end
        self._tags = {author: self._encode(tag) for author, tag in (tags or {}).items()}
        self._line_breaks: dict[int, bool] = {}  # whether a token contains one
        self._at_signs: dict[int, bool] = {}

    def draft(
        self, prompt: str, *, n: int, seed: int, author: str | None = None, sampling: Sampling = DEFAULT
    ) -> list[Sample]:
        """All drafts of `stream`, in order."""
        drafts = self.stream(prompt, n=n, seed=seed, author=author, sampling=sampling)
        return [sample for _, sample in sorted(drafts, key=lambda draft: draft[0])]

    def stream(
        self, prompt: str, *, n: int, seed: int, author: str | None = None, sampling: Sampling = DEFAULT
    ) -> Iterator[tuple[int, Sample]]:
        """`n` continuations of the prompt, each as soon as it is finished, with its index.

        A model with tags writes as `author`, or as an author that the seed chooses for each text.
        """
        # a trailing space would be a token of its own, and the model was trained on " word" as one piece
        prompt_ids = self._encode(prompt.strip())
        authors = self._authors(author, n, seed)
        for name in sorted(set(authors), key=str):
            prefix = [self._start, *self._tag(name), *prompt_ids]
            context, max_rows = self._engine.context, self._engine.max_rows
            max_tokens = min(sampling.max_tokens, context - len(prefix))
            if max_tokens < 1:
                raise ModelError(f"The prompt has {len(prefix)} tokens and the model reads {context}: shorten it.")
            indices = [index for index, chosen in enumerate(authors) if chosen == name]
            for first in range(0, len(indices), max_rows):
                rows = indices[first : first + max_rows]
                yield from self._grow(_Group(prefix, prompt_ids, rows, max_tokens, sampling), seed)

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "", author: str | None = None) -> list[float]:
        """Mean log-likelihood per token in nats, the end included, of each text right after `given`.

        If `given` is too long, only its end is read. Without an author, a model with tags averages over its authors.
        """
        if not texts:
            return []
        authors = [author] if author or not self._tags else sorted(self._tags)
        tags = [self._tag(name) for name in authors]
        context = self._engine.context - max(map(len, tags))
        continuations = [[*self._encode(text), self._end][:context] for text in texts]
        before = self._encode(given)
        before = before[max(0, len(before) + max(map(len, continuations)) - context) :]
        nats = [self._engine.log_likelihoods([self._start, *tag, *before], continuations) for tag in tags]
        return [_mean(own) / len(ids) for own, ids in zip(zip(*nats, strict=True), continuations, strict=True)]

    def _grow(self, group: _Group, seed: int) -> Iterator[tuple[int, Sample]]:
        rows = [_Row(index, _uniform(seed, index)) for index in group.indices]
        batch = self._engine.begin(group.prefix, len(rows), group.max_tokens)
        while True:
            chosen = self._sampled(batch, rows, group)
            kept = list(range(len(rows)))
            for number, (token, nats) in reversed(list(enumerate(chosen))):
                rows[number].tokens.append(token)
                rows[number].nats.append(nats)
                if sample := self._finished(rows[number], group):
                    yield rows[number].index, sample
                    kept[number] = kept[-1]  # the last row takes its number: the others need not move
                    kept.pop()
            if not kept:
                return
            rows = [rows[number] for number in kept]
            batch.advance([row.tokens[-1] for row in rows], kept)

    def _sampled(self, batch: Batch, rows: Sequence[_Row], group: _Group) -> list[tuple[int, float]]:
        """The next token of each row. Those that would begin a mention are drawn again, where that is asked for."""
        sampling = group.sampling
        chosen = batch.sample([row.uniform for row in rows], sampling.temperature, sampling.top_p)
        for _ in range(REDRAWS if sampling.no_mentions and sampling.temperature else 0):
            refused = {number for number, row in enumerate(rows) if self._mentions(row, chosen[number][0], group)}
            if not refused:
                break
            uniforms = [row.uniform if number in refused else _one for number, row in enumerate(rows)]
            again = batch.sample(uniforms, sampling.temperature, sampling.top_p)
            chosen = [again[number] if number in refused else token for number, token in enumerate(chosen)]
        return chosen

    def _mentions(self, row: _Row, token: int, group: _Group) -> bool:
        """Whether the token would begin a mention after what the row has so far."""
        if token not in self._at_signs:
            self._at_signs[token] = "@" in self._decode([token])
        if not self._at_signs[token]:
            return False
        before = (row.tokens or group.prompt)[-1:]
        text = self._decode([*before, token])
        return MENTION.search(text, len(self._decode(before))) is not None

    def _finished(self, row: _Row, group: _Group) -> Sample | None:
        """The text of the row, if it ends here."""
        sampling, prompt, ids = group.sampling, group.prompt, [*group.prompt, *row.tokens]
        if row.tokens[-1] == self._end:
            return row.sample(self._decode(ids[:-1]), finished=True)
        if sampling.one_line and self._breaks_line(row.tokens[-1]):
            text = self._decode(ids)
            line_end = text.index("\n", len(self._decode(prompt)))
            return row.sample(text[:line_end], finished=True)
        at_limit = len(row.tokens) == group.max_tokens
        if at_limit or (sampling.too_long and len(row.tokens) % LENGTH_CHECK_EVERY == 0):
            text = self._decode(ids).strip()
            if at_limit or (sampling.too_long and sampling.too_long(text)):
                return row.sample(text, finished=False)
        return None

    def _authors(self, author: str | None, n: int, seed: int) -> list[str | None]:
        """The author of each row; None where the model has no tags."""
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

    def _encode(self, text: str) -> list[int]:
        """A quoted "<|endoftext|>" is encoded as characters, not as the token; a lone surrogate becomes "?"."""
        if not self._pieces.encode_special_tokens:
            self._pieces.encode_special_tokens = True
        valid = text.encode("utf-8", "replace").decode()
        ids: list[int] = self._pieces.encode(valid, add_special_tokens=False).ids
        return ids

    def _decode(self, ids: Sequence[int]) -> str:
        """The text of the tokens, with its spacing unchanged."""
        text: str = self._pieces.decode(ids, skip_special_tokens=True)
        return text

    def _breaks_line(self, token: int) -> bool:
        if token not in self._line_breaks:
            self._line_breaks[token] = "\n" in self._decode([token])
        return self._line_breaks[token]


def _uniform(seed: int, index: int) -> Callable[[], float]:
    """A function that draws uniformly from (0, 1]."""
    rng = random.Random(f"{seed} {index}")
    return lambda: 1.0 - rng.random()


def _one() -> float:
    """A draw that is not used, and leaves the row's generator as it is."""
    return 1.0


def _mean_of(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _mean(nats: Sequence[float]) -> float:
    """The logarithm of the mean likelihood, from log-likelihoods."""
    most = max(nats)
    return most + math.log(sum(math.exp(one - most) for one in nats) / len(nats))
