"""How a post begins: as the operator wants, as the person does, with a topic of the day, or as the model likes.

Which of these kinds it is, the slot's own dice say. Within a kind each waits until the others had their turn, where one
of twice the weight waits half as long; none comes twice in a row. It knows no model.
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
LOOKED_AT = 1_000  # rows of the history: a rotation through hundreds of prompts, found without an index


def kinds(prompts: Weights | Iterable[str], openers: Weights, topics: Iterable[str]) -> dict[str, Weights]:
    """What there is to begin with, of each kind; what two kinds have counts for the one that was asked for."""
    today = dict.fromkeys(topics, 1.0)
    wanted = prompts if isinstance(prompts, Mapping) else Counter(prompts)
    asked = {prompt: weight for prompt, weight in wanted.items() if prompt not in today}
    own = {opener: weight for opener, weight in openers.items() if opener not in today and opener not in asked}
    return {"none": {"": 1.0}, "prompts": asked, "openers": own, "topics": today}


def tries(
    slot: Slot, of_kind: Mapping[str, Weights], shares: Mapping[str, float], recent: Sequence[str], *, count: int
) -> Iterator[tuple[str, int]]:
    """Prompts and seeds, each prompt another one while there are others.

    The same for the same slot and history: a round that was cut short begins again with the same drafts. A kind that
    `shares` does not name counts 1; `recent` are the prompts of the last rounds, the newest first.
    """
    of_kind = {kind: pool for kind, pool in of_kind.items() if shares.get(kind, 1.0) > 0}
    seed = int.from_bytes(hashlib.sha256(slot.key.encode()).digest()[:4], "big")
    chance = random.Random(seed)
    tried: list[str] = []
    for number in range(count):
        last = {prompt for prompt in recent[:1] if prompt}  # nothing may come twice in a row, and only that
        left = _without(of_kind, last.union(tried)) or _without(of_kind, set(tried)) or _without(of_kind, set())
        prompt = ""  # where nothing of what was asked for is there
        if left:
            kind = chance.choices(list(left), [shares.get(kind, 1.0) for kind in left])[0]
            prompt = _due(of_kind[kind], left[kind], [*reversed(tried), *recent], chance)
        tried.append(prompt)
        yield prompt, (seed + number) % 2**32


def recent(store: Store, *, dry: bool) -> list[str]:
    """The prompts of the last rounds, the newest first; also of those that only led to drafts that were refused."""
    rows = store.rows(
        """
        SELECT prompt, slot, created_at AS at FROM post
        WHERE id > (SELECT coalesce(max(id), 0) FROM post) - :rows AND dry = :dry AND kind = 'post'
        UNION SELECT prompt, slot, at FROM refusal
        WHERE id > (SELECT coalesce(max(id), 0) FROM refusal) - :rows AND dry = :dry AND slot IS NOT NULL
        ORDER BY at DESC, prompt
        """,
        {"rows": LOOKED_AT, "dry": dry},
    )
    return [row["prompt"] for row in rows]


class Topics:
    """The operator's file of topics, one a line, read anew each time. Whatever is wrong with it is said once."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._said = ""

    def __call__(self) -> tuple[str, ...]:
        topics, wrong = _read(self._path)
        if wrong and wrong != self._said:
            self._warn(wrong)
        self._said = wrong
        return topics


def _read(path: Path) -> tuple[tuple[str, ...], str]:
    """The topics, and what is wrong, if anything is."""
    try:
        topics = lines.read(path, MOST_BYTES)
    except ValueError as error:
        return (), f"{path} {error}: there are no topics until that is mended"
    long = next((topic for topic in topics if not fits(topic)), None)
    wrong = f"{path}: the topic {long[:40]!r}… is longer than {LONGEST_PROMPT} bytes and not used" if long else ""
    return tuple(topic for topic in topics if fits(topic)), wrong


def _without(of_kind: Mapping[str, Weights], used: set[str]) -> dict[str, Weights]:
    """What is left of each kind of which something is left."""
    left = {
        kind: {prompt: weight for prompt, weight in pool.items() if prompt not in used}
        for kind, pool in of_kind.items()
    }
    return {kind: pool for kind, pool in left.items() if pool}


def _due(pool: Weights, left: Weights, recent: Sequence[str], chance: random.Random) -> str:
    """One that was never used, else the one that has waited longest for its weight."""
    uses = [prompt for prompt in recent if prompt in pool]
    fresh = [prompt for prompt in left if prompt not in uses]
    if fresh:
        return chance.choices(fresh, [left[prompt] for prompt in fresh])[0]
    return max(left, key=lambda prompt: (uses.index(prompt) + 1) * left[prompt])
