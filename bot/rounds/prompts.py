"""The prompt of a round: one of the operator's, an opener of the person's, a topic of the day, or none.

A random generator seeded by the slot chooses the kind. Within a kind the prompts take turns: one of twice the weight
waits half as long for its turn, and none comes twice in a row.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.config.types import LONGEST_PROMPT, fits
from bot.text import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from bot.history.store import Store
    from bot.values import Slot

    Weights = Mapping[str, float]  # of each prompt

MOST_BYTES = 100_000  # of a file of topics
MOST_ROWS = 1_000  # of the history, read without an index: enough to rotate through hundreds of prompts


def kinds(prompts: Weights | Iterable[str], openers: Weights, topics: Iterable[str]) -> dict[str, Weights]:
    """The prompts of each kind. A prompt of several kinds counts as a topic first, then as one of the operator's."""
    of_the_day = dict.fromkeys(topics, 1.0)
    weights = prompts if isinstance(prompts, Mapping) else Counter(prompts)
    configured = {prompt: weight for prompt, weight in weights.items() if prompt not in of_the_day}
    others = of_the_day.keys() | configured.keys()
    own = {opener: weight for opener, weight in openers.items() if opener not in others}
    return {"none": {"": 1.0}, "prompts": configured, "openers": own, "topics": of_the_day}


def tries(
    slot: Slot, of_kind: Mapping[str, Weights], shares: Mapping[str, float], recent: Sequence[str], *, count: int
) -> Iterator[tuple[str, int]]:
    """Prompts and seeds for the tries of a round; no prompt is repeated while others are left.

    The same slot and history give the same prompts and seeds: an interrupted round starts again with the same drafts. A
    kind that is not in `shares` has share 1; `recent` are the prompts of the last rounds, the newest first.
    """
    of_kind = {kind: pool for kind, pool in of_kind.items() if shares.get(kind, 1.0) > 0}
    seed = int.from_bytes(hashlib.sha256(slot.key.encode()).digest()[:4], "big")
    generator = random.Random(seed)
    tried: list[str] = []
    for number in range(count):
        last = {prompt for prompt in recent[:1] if prompt}  # only "no prompt" may come twice in a row
        left = _without(of_kind, last.union(tried)) or _without(of_kind, set(tried)) or _without(of_kind, set())
        prompt = ""  # if there are no prompts at all
        if left:
            kind = generator.choices(list(left), [shares.get(kind, 1.0) for kind in left])[0]
            prompt = _due(of_kind[kind], left[kind], [*reversed(tried), *recent], generator)
        tried.append(prompt)
        yield prompt, (seed + number) % 2**32


def recent(store: Store, *, dry: bool) -> list[str]:
    """The prompts of the last rounds, the newest first, also of rounds that ended without a post.

    The plus keeps SQLite from an index on `dry` alone, which leads to half the history.
    """
    rows = store.rows(
        """
        SELECT prompt, slot, created_at AS at FROM post
        WHERE id > (SELECT coalesce(max(id), 0) FROM post) - :rows AND +dry = :dry AND kind = 'post'
        UNION SELECT prompt, slot, at FROM refusal
        WHERE id > (SELECT coalesce(max(id), 0) FROM refusal) - :rows AND +dry = :dry AND slot IS NOT NULL
        ORDER BY at DESC, prompt
        """,
        {"rows": MOST_ROWS, "dry": dry},
    )
    return [row["prompt"] for row in rows]


class Topics:
    """The operator's file of topics, one a line, read anew for each round. A problem with it is reported once."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._last_problem = ""

    def __call__(self) -> tuple[str, ...]:
        topics, problem = _read(self._path)
        if problem and problem != self._last_problem:
            self._warn(problem)
        self._last_problem = problem
        return topics


def _read(path: Path) -> tuple[tuple[str, ...], str]:
    """The topics, and a problem with the file, if there is one."""
    try:
        topics = lines.read(path, MOST_BYTES)
    except ValueError as error:
        return (), f"{path} {error}: there are no topics until this is fixed"
    long = next((topic for topic in topics if not fits(topic)), None)
    problem = f"{path}: the topic {long[:40]!r}… is longer than {LONGEST_PROMPT} bytes and not used" if long else ""
    return tuple(topic for topic in topics if fits(topic)), problem


def _without(of_kind: Mapping[str, Weights], used: set[str]) -> dict[str, Weights]:
    """The prompts of each kind that were not used, without the kinds of which none is left."""
    left = {
        kind: {prompt: weight for prompt, weight in pool.items() if prompt not in used}
        for kind, pool in of_kind.items()
    }
    return {kind: pool for kind, pool in left.items() if pool}


def _due(pool: Weights, left: Weights, recent: Sequence[str], generator: random.Random) -> str:
    """A prompt that was never used, or else the one that has waited longest, measured by its weight."""
    uses = [prompt for prompt in recent if prompt in pool]
    fresh = [prompt for prompt in left if prompt not in uses]
    if fresh:
        return generator.choices(fresh, [left[prompt] for prompt in fresh])[0]
    return max(left, key=lambda prompt: (uses.index(prompt) + 1) * left[prompt])
