"""Posts as a bot with a certain model would choose them, without a word to X or to the bot's history."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bot.history.store import Store
from bot.rounds import posting
from bot.running import assembly
from bot.screen import operator_lists
from bot.sending.outbox import DryRunPublisher
from bot.values import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.screen.chain import Screen

ROUNDS = 3  # at most, for each post: a round whose drafts are all refused makes none


def posts(
    folder: Path,
    settings: Settings,
    clock: Clock,
    *,
    count: int,
    seed: int,
    keepalive: Callable[[], None] = lambda: None,
) -> Iterator[str]:
    """Up to `count` texts by the model in this folder, from rounds of dry runs in a history of their own."""
    settings = settings.model_copy(update={"live": False})
    voice = assembly.voice(folder, settings, keepalive)
    rules = operator_lists.read(settings.screen)

    def screen(store: Store) -> Screen:
        return assembly.screen(settings, store, voice, rules=rules)

    outbox = assembly.outbox(settings, DryRunPublisher(), clock, every=None)
    drafts = assembly.draft_settings(settings, lambda _: None)
    pipeline = posting.Pipeline(voice, screen, outbox, drafts, clock)
    made = 0
    with TemporaryDirectory(prefix="mynah-") as place, Store.open(Path(place) / "history.db") as store:
        for number in range(ROUNDS * count):
            slot = Slot(f"preview {seed} {number}", clock.now())
            ended = posting.prepare(slot, store, pipeline, review_mode=True)
            if ended.post:
                made += 1
                yield ended.post.text
            if made == count:
                return
