"""The work of a heartbeat, a round, a reply and `mynah status` does not grow with the history."""

from __future__ import annotations

import importlib
import re
import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bot.config.settings import Settings
from bot.config.state_dir import StateDir
from bot.history import ledger, near_duplicates, refusals
from bot.history.store import Store
from bot.rounds import prompts
from bot.rounds.posting import last_said
from bot.running import assembly, status
from bot.values import Draft, Reason, Slot
from bot.voice.model_voice import ModelMemory
from tests.fake_x.faults import End, Fault
from tests.fakes import NOON
from tests.trials.replying_bot import BOT, ReplyingBot, person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SHORT, LONG = 1_500, 9_000  # posts; the short one has more than any query may read
TABLES = ("post", "event", "slot", "refusal", "expense", "look", "mention", "review", "nearness")
SCANS = tuple(f"SCAN {table}" for table in TABLES)
# Mentions that are to be answered or looked at, ten refusals by X, the greatest id.
FEW = re.compile(r"INDEX (mention_waiting|mention_concern|reply_outcome|post_x_id)$")
NEWEST = re.compile(r"FROM (event|slot) ORDER BY (id|rowid) DESC LIMIT")  # the one scan that ends by itself


class Watched(Store):
    """Notes each query, and counts the steps of SQLite's machine in hundreds."""

    queries: ClassVar[set[tuple[str, Any]]] = set()
    steps: ClassVar[int] = 0

    def __init__(self, db: Any) -> None:
        super().__init__(db)
        db.conn.set_progress_handler(self._step, 100)

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        self._note(sql, parameters)
        return super().rows(sql, parameters)

    def write(self, sql: str, parameters: Mapping[str, Any]) -> int:
        self._note(sql, parameters)
        return super().write(sql, parameters)

    @staticmethod
    def _note(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> None:
        frozen = tuple(parameters.items()) if hasattr(parameters, "items") else tuple(parameters)
        Watched.queries.add((sql, frozen))

    @staticmethod
    def _step() -> int:
        Watched.steps += 1
        return 0


class Bot(ReplyingBot):
    """It screens by the whole history too."""

    settings = Settings(live=True, bot="b")

    def screen(self, store: Store) -> Any:
        return assembly.screen(self.settings, store, ModelMemory())


@pytest.fixture(scope="module")
def long_history() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
        yield importlib.import_module("long_history")


@pytest.fixture(scope="module")
def histories(long_history: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folders = {count: tmp_path_factory.mktemp(f"history{count}") for count in (SHORT, LONG)}
    for count, folder in folders.items():
        long_history.fill(folder / "history.db", count, now=NOON, every=timedelta(hours=1))
    return folders


def is_scan(detail: str) -> bool:
    """An index on `dry` alone leads to half the rows."""
    return (detail.startswith(SCANS) and not FEW.search(detail)) or detail.endswith("post_state (dry=?)")


def plan(folder: Path, sql: str, parameters: Sequence[Any]) -> list[str]:
    named = dict(parameters) if ":" in sql else parameters
    with closing(sqlite3.connect(folder / "history.db")) as plain:
        near_duplicates.register(plain)
        return [row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {sql}", named)]


@contextmanager
def live_bot(folder: Path) -> Iterator[Bot]:
    """It has read its mentions once; from here on its queries are noted."""
    bot = Bot(folder / "history.db", person(1), posts_every=timedelta(days=3650))
    bot.clock.is_set(max(bot.store.last_moment(), NOON) + timedelta(days=1))
    bot.begins()
    Watched.queries.clear()
    Watched.steps = 0
    try:
        yield bot
    finally:
        bot.close()


def a_slot(bot: Bot) -> Slot:
    """A new one, also if a scene is played twice."""
    return Slot(f"after {bot.store.history(limit=1)[0].id}", bot.clock.now())


def beat(folder: Path) -> None:
    with live_bot(folder) as bot:
        agenda, replier = bot.born(Watched)
        agenda.turn()
        replier.turn()


def reply(folder: Path) -> None:
    with live_bot(folder) as bot:
        _, replier = bot.born(Watched)
        bot.says(person(1), f"{BOT} hello")
        replier.turn()
        assert bot.answers()


def post(folder: Path) -> None:
    with live_bot(folder) as bot:
        agenda, _ = bot.born(Watched)
        ended = agenda.speak_now(a_slot(bot))
        assert ended.outcome == "posted", ended


def lose_an_answer(folder: Path) -> None:
    """A post whose answer is lost is looked up, found absent and abandoned."""
    with live_bot(folder) as bot:
        agenda, _ = bot.born(Watched)
        bot.fail_with(Fault(end=End.RESET))
        ended = agenda.speak_now(a_slot(bot))
        assert ended.outcome == "unknown", ended
        for _ in range(4):
            bot.clock.passes(timedelta(minutes=15))
            agenda.turn()
        assert not bot.store.posts_in("unknown", dry=False)


def refuse(folder: Path) -> None:
    """A round that ends with refusals, on a day when those of half a year ago are deleted."""
    with Watched.open(folder / "history.db") as store:
        drafts = [(Draft(f"It is {n} o'clock."), Reason("slur")) for n in range(3)]
        Watched.queries.clear()
        Watched.steps = 0
        refusals.add(store, drafts, slot=Slot("a", NOON), dry=True, model="m", at=NOON + timedelta(days=175))


def look(folder: Path) -> None:
    """`mynah status`, `spend`, a quick `doctor` and the first page of `mynah history`, in all its forms."""
    state_dir = StateDir(folder)
    with Watched.open(state_dir.history, read_only=True) as store:
        Watched.queries.clear()
        Watched.steps = 0
        for live in (False, True):
            settings = Settings(live=live, bot="b", state=folder)
            status._Status(settings, state_dir, NOON).row(store)
            for page in (None, 100):
                store.history(dry=not live, before=page)
                store.history(dry=not live, state="posted", before=page)
            store.history(state="abandoned")
            store.history()
            last_said(store, dry=not live)
            prompts.recent(store, dry=not live)
            refusals.newest(store, dry=not live)
            ledger.spending(store, NOON - timedelta(days=31), dry=not live)
        store.last_moment()
        store.is_deleted(1)


SCENES: list[Callable[[Path], None]] = [beat, reply, post, lose_an_answer, refuse, look]


Played = tuple[set[tuple[str, Any]], int]  # queries, and steps


@pytest.fixture(scope="module")
def played(histories: dict[int, Path]) -> dict[str, dict[int, Played]]:
    """Each scene with each history, once."""

    def play(scene: Callable[[Path], None], folder: Path) -> Played:
        scene(folder)
        return set(Watched.queries), Watched.steps

    return {scene.__name__: {count: play(scene, folder) for count, folder in histories.items()} for scene in SCENES}


@pytest.mark.parametrize("scene", [scene.__name__ for scene in SCENES])
def test_no_query_reads_a_table_whole(
    played: dict[str, dict[int, Played]], histories: dict[int, Path], scene: str
) -> None:
    queries, _ = played[scene][LONG]

    plans = {sql: plan(histories[LONG], sql, parameters) for sql, parameters in queries if not NEWEST.search(sql)}

    assert plans
    assert {sql: details for sql, details in plans.items() if any(map(is_scan, details))} == {}


@pytest.mark.parametrize("scene", [scene.__name__ for scene in SCENES])
def test_the_work_does_not_grow_with_the_history(played: dict[str, dict[int, Played]], scene: str) -> None:
    short, long = (steps for _, steps in played[scene].values())

    assert short
    assert long <= 1.2 * short + 1
