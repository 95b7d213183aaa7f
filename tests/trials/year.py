"""Simulates years of a bot and counts broken rules: `python -m tests.trials.year --years 20`.

The heartbeat, agenda, outbox, reconciler and store are the real ones; the clock and the failing X are simulated.
Between two heartbeats the machine sleeps, crashes and restarts, its clock is set by minutes, hours and years, and X is
down, out of credits, or locks the account. The controls must break rules: `--without gap` (or cap, budget, slots,
intent) removes one safeguard, and `--without doubt` what lets the bot post again after a clock was ahead.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import structlog

from bot.clock import moment, stamp
from bot.errors import Unknown
from bot.history.backup import Backups
from bot.history.store import Store
from bot.rounds.agenda import Agenda
from bot.rounds.posting import DraftSettings, Pipeline
from bot.rounds.slots import Daily
from bot.running.heartbeat import Heartbeat
from bot.screen import chain
from bot.sending.budget import Caps, Prices, day_start, month_start
from bot.sending.outbox import Brakes, Outbox
from bot.sending.pause import why_paused
from bot.sending.reconcile import Reconciler
from tests.trials.year_world import DAY, HALTS, HOUR, OUTAGES, Clock, Crash, Voice, X, changes

if TYPE_CHECKING:
    from bot.rounds.posting import Round
    from bot.values import Draft, Receipt, Slot
    from tests.trials.year_world import MadePost

ZONES = ("Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo")
PRICE = 15_000
GRACE = timedelta(minutes=10)
BRAKES = Brakes(timedelta(minutes=45), 1, 6, Caps(per_day=5 * PRICE, per_month=120 * PRICE), grace=GRACE)
FREE = Brakes(timedelta(0), 10**6, 10**6, Caps(10**12, 10**12), grace=GRACE)
CONTROLS = ("gap", "cap", "budget", "slots", "intent", "doubt")
BEAT = 15.0  # seconds
# A complete logger, independent of how another test configured structlog.
LOG = structlog.wrap_logger(structlog.ReturnLogger(), processors=[], wrapper_class=structlog.BoundLogger)


class NewSlotStore(Store):
    """For a control: every draft gets a new slot."""

    def add_draft(self, draft: Draft, *, slot: Slot, **about: Any) -> int:
        number = self.rows("SELECT count(*) AS n FROM post")[0]["n"]
        return super().add_draft(draft, slot=replace(slot, key=f"{slot.key} {number}"), **about)


class TrustingStore(Store):
    """For a control: posts dated in the future by a clock that was ahead count until that time has come."""

    def sent_around(self, now: datetime, span: timedelta, *, dry: bool, most: int = 500) -> int:
        ahead = self.rows("SELECT count(*) AS n FROM post WHERE sent_at > ?", [stamp(now)])[0]["n"]
        return max(ahead, super().sent_around(now, span, dry=dry, most=most))


class RetryingX(X):
    """For a control: a request without a response is sent again, as by a usual client."""

    def post(self, text: str, **about: Any) -> Receipt:
        try:
            return super().post(text, **about)
        except Unknown:
            return super().post(text, **about)


class Year:
    """One bot's year. Events are drawn beforehand; heartbeats come when something may be due, and now and then."""

    def __init__(self, folder: Path, seed: int, *, start: datetime, days: int, zone: str, without: str = "") -> None:
        self.rng = random.Random(seed)
        self.clock = Clock(start)
        self.path = folder / f"{seed}-{start:%Y%m%d}-{zone.replace('/', '-')}.db"
        self.catch_up = "one" if seed % 2 else "skip"
        self.without, self.end = without, days * 86_400.0
        kind = RetryingX if without == "intent" else X
        self.x = kind(self.clock, BRAKES, self.rng, price=PRICE, strict=seed % 3 == 0)
        self.counts: Counter[str] = Counter()
        self.rounds: list[Round] = []
        self.used: set[str] = set()  # due times of the slots that were posted in
        self.in_doubt: dict[int, float] = {}  # unknown posts, and since when by true time
        self.resumed = self.clock.now()  # the end of the last time that nothing could be posted
        self.catch_ups = 0  # posts since then whose slot was before it
        self.events = sorted(self._draw_events(days), reverse=True)
        self.schedule = Daily(
            bot="words",
            zone=ZoneInfo(zone),
            start=time(8),
            end=time(1),
            per_day=9,
            jitter=timedelta(minutes=50),
            grace=GRACE,
            catch_up=self.catch_up,  # type: ignore[arg-type]
        )
        self.heartbeat = self._start_process()
        self.store = Store.open(self.path)  # for the checks

    def _draw_events(self, days: int) -> list[tuple[float, str, float]]:
        """Events as (time, name, seconds of duration or step)."""
        rates = {"crash": 200, "sleep": 40, "step": 60, "leap": 8, "outage": 70}  # per year
        events = []
        for what, rate in rates.items():
            for _ in range(max(1, round(rate * days / 365))):
                size = {
                    "crash": self.rng.choice((1, 30, 900, 3 * 3600, 30 * 3600)),
                    "sleep": self.rng.uniform(600, 60_000),
                    "step": self.rng.choice((-1, 1)) * self.rng.choice((90, 1800, 2 * 3600, 5 * 3600)),
                    "leap": self.rng.choice((-1, 1)) * self.rng.uniform(30, 3650) * 86_400,
                    "outage": self.rng.choice((600, 3 * 3600, 9 * 3600, 50 * 3600)),
                }[what]
                events.append((self.rng.uniform(0, days * 86_400), what, float(size)))
        return events

    def _start_process(self) -> Heartbeat:
        self.x.process += 1
        kind = {"slots": NewSlotStore, "doubt": TrustingStore}.get(self.without, Store)
        brakes = {
            "gap": replace(BRAKES, min_gap=timedelta(0), per_hour=10**6),
            "cap": replace(BRAKES, per_hour=10**6, per_day=10**6),
            "budget": replace(BRAKES, caps=FREE.caps),
            "slots": FREE,
        }.get(self.without, BRAKES)
        pipeline = Pipeline(
            Voice(),
            lambda store: chain.build(was_posted=lambda norm: store.said(norm, dry=False), copy_of=lambda _: ""),
            Outbox(self.x, brakes, self.clock, dry=False, price=lambda _: PRICE),
            DraftSettings(("",), candidates=2, tries=2),
            self.clock,
        )
        agenda = Agenda(
            pipeline,
            self.schedule,
            open_store=lambda: kind.open(self.path),
            reconciler=Reconciler(self.x, BRAKES.caps, self.clock, prices=Prices(), log=LOG),
        )
        agenda.begin()
        no_backups = Backups(self.path.parent, [], keep=1, every=timedelta(0))
        round_log: Any = self
        runtime: Any = SimpleNamespace(agenda=agenda, backups=no_backups)
        return Heartbeat(
            lambda: runtime, round_log, refresh=lambda: None, shortage=lambda: None, clock=self.clock, log=LOG
        )

    def write(self, round_: Round) -> None:
        """As the round log does."""
        self.rounds.append(round_)

    def run(self) -> dict[str, Any]:
        while self.clock.true < self.end:
            self._pass(self._until_next())
            self._beat()
            self._resolve_by_hand()
        self.events.clear()
        self.x.outage, self.x.crashes, self.clock.wrong = "", False, timedelta(0)
        for number, step in enumerate([900] * 12 + [3 * 3600] * 56):  # then three days without events
            if number >= 40 and not self.store.posts_in("unknown", dry=False):
                break  # a connection that broke on the last day may leave a post to look up: for up to three more
            self.clock.true += step
            self.heartbeat.beat()
            self._resolve_by_hand()
        self._compare()
        return {"posts": len(self.x.posts), **self.counts, **{f"broken_{what}": n for what, n in self.x.broken.items()}}

    def _until_next(self) -> float:
        """Seconds until the next heartbeat: few when something may happen, otherwise until something can be due."""
        busy = self.rounds and self.rounds[-1].outcome in {"waiting", "unknown"}
        now = self.clock.now()
        due = (self.schedule.next(now).due - now).total_seconds()
        idle = self.rng.uniform(60, 1200) if busy else self.rng.uniform(600, 7200)
        return min(idle, max(due, 0) + self.rng.uniform(0, BEAT))

    def _pass(self, seconds: float) -> None:
        until = min(self.clock.true + seconds, self.end)
        while self.events and self.events[-1][0] <= until:
            at, what, size = self.events.pop()
            self.clock.true = max(self.clock.true, at)
            self._happens(what, size)
        self.clock.true = max(self.clock.true, until)

    def _happens(self, what: str, size: float) -> None:
        self.counts[what] += 1
        self._reset_catch_up()
        match what:
            case "crash":
                self.clock.true += size
                self.heartbeat = self._start_process()
            case "sleep":
                self.clock.true += size
                self.clock.asleep += size
            case "step" | "leap":
                self.clock.wrong = timedelta(seconds=size)
                self._later("right", self.rng.uniform(600, 3 * 86_400))
            case "right":
                self.clock.wrong = timedelta(0)
            case "outage":
                self.x.outage = self.rng.choice(OUTAGES)
                self.counts[self.x.outage] += 1
                self._later("over", size)
            case "over":
                self.x.outage = ""
        self._reset_catch_up()

    def _later(self, what: str, seconds: float) -> None:
        self.events.append((self.clock.true + seconds, what, 0.0))
        self.events.sort(reverse=True)

    def _reset_catch_up(self) -> None:
        self.resumed, self.catch_ups = self.clock.now(), 0

    def _beat(self) -> None:
        self.counts["beats"] += 1
        slot, post_count, request_count = self.schedule.due(self.clock.now()), len(self.x.posts), self.x.requests
        must_act, paused = self._expected(slot)
        self.rounds.clear()
        try:
            self.heartbeat.beat()
        except Crash:
            self._happens("crash", self.rng.choice((0.1, 20, 3600)))
            return
        if paused and self.x.requests > request_count:
            self.x.breaks("pause", "a request to X during a pause")
        if self.x.outage in HALTS and self.x.requests > request_count:
            self._check_halt()
        for post in self.x.posts[post_count:]:
            self._check_post(post)
        if must_act and not paused:
            self._check_answer(slot)

    def _expected(self, slot: Slot | None) -> tuple[bool, bool]:
        """Whether this heartbeat must act (a slot is due, nothing failed or is pending), and whether it is paused."""
        paused = bool(why_paused(self.store, self.clock.now()))
        pending = self.store.posts_in("approved", "sending", "unknown", dry=False)
        used = slot is None or self.store.slot_outcome(slot.key, dry=False) is not None
        is_well = not self.x.outage and not self.clock.wrong and slot is not None and slot.due > self.resumed
        return is_well and not used and not pending and self.without in {"", "doubt"}, paused

    def _check_halt(self) -> None:
        """After a halting response, `mynah status` must show a pause and its reason."""
        why = why_paused(self.store, self.clock.now())
        self.counts["halts_shown"] += 1
        if not why or "X answered" not in why:
            self.x.breaks("unseen", f"{self.x.outage}, and the status shows {why}")

    def _check_post(self, post: MadePost) -> None:
        """A post is in time, the only one of its slot, and the only one for all missed slots."""
        about = "SELECT due FROM post JOIN slot ON slot.key = post.slot AND slot.dry = post.dry WHERE text = ?"
        due = self.store.rows(about, [post.text])[0]["due"]
        if due in self.used:
            self.x.breaks("slot", f"{due} was used twice")
        self.used.add(due)
        late = post.wall - moment(due)
        if self.catch_up == "skip" and late > 2 * GRACE:  # one for the draft, one for the attempts to send
            self.x.breaks("late", f"{late} after its slot")
        if moment(due) <= self.resumed - GRACE:
            self.catch_ups += 1
            self.counts["caught_up"] += 1
            if self.catch_ups > 1:
                self.x.breaks("burst", f"{self.catch_ups} posts for what was missed until {self.resumed}")

    def _check_answer(self, slot: Slot | None) -> None:
        """A due slot is used or skipped; or it waits, for a true reason."""
        if not self.rounds:
            self.x.breaks("silence", f"{slot} is due, and nothing happened")
            return
        round_, now = self.rounds[-1], self.clock.now()
        self.counts[f"then_{round_.outcome}"] += 1
        if round_.outcome == "waiting" and round_.post is None:
            near = [abs(now - at) for at in self.x.attempts]  # old ones too, if a clock was ahead
            reasons = {
                "min_gap": sum(one < BRAKES.min_gap for one in near) + self._is_close(),
                "max_per_hour": sum(one < HOUR for one in near) // BRAKES.per_hour,
                "max_per_day": sum(one < DAY for one in near) // BRAKES.per_day,
                "budget": self._may_cost(day_start(now)) > BRAKES.caps.per_day - PRICE
                or self._may_cost(month_start(now)) > BRAKES.caps.per_month - PRICE,
            }
            if not any(reasons[name] for name in reasons if name in round_.detail):
                self.x.breaks("stuck", f"{slot}: {round_.detail}")

    def _may_cost(self, since: datetime) -> int:
        """The possible cost since then, by the bot's clock: attempts to post, and lookups of lost posts.

        Until a day from now: after a clock was set back, recent costs are dated in the future.
        """
        until = self.clock.now() + DAY
        costs = [(at, PRICE) for at in self.x.attempts] + self.x.reads
        return sum(cost for at, cost in costs if since <= at <= until)

    def _is_close(self) -> bool:
        """Whether this process has just posted, by its monotonic clock."""
        posts = [post for post in self.x.posts[-1:] if post.process == self.x.process]
        return any(self.clock.monotonic() - post.mono < BRAKES.min_gap.total_seconds() for post in posts)

    def _resolve_by_hand(self) -> None:
        """A person resolves posts that were unknown for three days."""
        unknown = {post.id: post for post in self.store.posts_in("unknown", dry=False)}
        self.in_doubt = {number: self.in_doubt.get(number, self.clock.true) for number in unknown}
        for number, since in self.in_doubt.items():
            if self.clock.true - since > 3 * 86_400:
                self.counts["asked_a_person"] += 1
                x_id = next((post.id for post in self.x.posts if post.text == unknown[number].text), None)
                state = "posted" if x_id else "abandoned"
                self.store.move(number, state, at=self.clock.now(), x_id=x_id)

    def _compare(self) -> None:
        posted = self.store.rows("SELECT x_id, text FROM post WHERE state = 'posted'")
        in_history = {row["x_id"]: row["text"] for row in posted}
        on_x = {post.id: post.text for post in self.x.posts}
        for name, ids in (("missing", on_x.keys() - in_history.keys()), ("invented", in_history.keys() - on_x.keys())):
            for x_id in ids:
                self.x.breaks(name, x_id)
        for line in self.store.damage():
            self.x.breaks("damage", line)


def simulate(
    seed: int, *, days: int, zone: str, start: datetime, without: str = "", messages: list[str]
) -> Counter[str]:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        year = Year(Path(name), seed, start=start, days=days, zone=zone, without=without)
        counts = Counter(year.run())
        year.store.close()
    messages += year.x.messages
    return counts


def one_year(seed: int, *, days: int, without: str) -> tuple[Counter[str], list[str]]:
    """One year; its date and zone follow from the seed."""
    messages: list[str] = []
    zone, start, began = ZONES[seed % len(ZONES)], datetime(2027 + seed, 1, 1, tzinfo=UTC), process_time()
    counts = simulate(seed, days=days, zone=zone, start=start, without=without, messages=messages)
    return counts + Counter(seconds=round(process_time() - began)), messages


def around_changes(seed: int, *, days: int, without: str = "", messages: list[str]) -> Counter[str]:
    """`days` days around each change of the clocks, in each zone."""
    counts: Counter[str] = Counter()
    for zone in ZONES:
        for number, day in enumerate(changes(zone, 2027 + seed)):
            start = day - timedelta(days=days // 2)
            counts += simulate(seed + number, days=days, zone=zone, start=start, without=without, messages=messages)
            counts["days"] += days
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=1, help="number of years, each in another time zone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--days", type=int, default=365, help="number of days of each year")
    parser.add_argument("--without", choices=CONTROLS, default="", help="the control: a bot without this safeguard")
    args = parser.parse_args()
    counts: Counter[str] = Counter()
    with ProcessPoolExecutor() as cores:
        years = cores.map(
            partial(one_year, days=args.days, without=args.without), range(args.seed, args.seed + args.years)
        )
        for counts_of_year, messages in years:
            counts += counts_of_year
            print("\n".join(messages), end="\n" * bool(messages), file=sys.stderr, flush=True)  # noqa: T201
    print(json.dumps({"years": args.years, **counts}))  # noqa: T201  the result


if __name__ == "__main__":
    main()
