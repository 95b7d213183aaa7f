"""Watches bots for simulated years and counts what broke: `python -m tests.trials.year --years 20`.

The heartbeat, agenda, outbox, reconciler and store are the real ones; the clock is handed in, and the X in this process
fails. Between two beats the machine sleeps, crashes and restarts, its clock is set by minutes, hours and years, and X
is down, out of credits, or locks the account. The controls must find what they break: `--without gap` (or cap, budget,
slots, intent) takes one brake away, and `--without doubt` what lets the bot post again after a clock was ahead.
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
    from tests.trials.year_world import Seen

ZONES = ("Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo")
PRICE = 15_000
GRACE = timedelta(minutes=10)
BRAKES = Brakes(timedelta(minutes=45), 1, 6, Caps(per_day=5 * PRICE, per_month=120 * PRICE), grace=GRACE)
FREE = Brakes(timedelta(0), 10**6, 10**6, Caps(10**12, 10**12), grace=GRACE)
CONTROLS = ("gap", "cap", "budget", "slots", "intent", "doubt")
BEAT = 15.0  # seconds
# Its own, whole: what another test told structlog is nothing to it.
LOG = structlog.wrap_logger(structlog.ReturnLogger(), processors=[], wrapper_class=structlog.BoundLogger)


class Forgetful(Store):
    """For a control: it does not know which slot it spoke in."""

    def add_draft(self, draft: Draft, *, slot: Slot, **about: Any) -> int:
        number = self.rows("SELECT count(*) AS n FROM post")[0]["n"]
        return super().add_draft(draft, slot=replace(slot, key=f"{slot.key} {number}"), **about)


class Believing(Store):
    """For a control: what a clock that was ahead has dated holds it back until that time has come."""

    def sent_around(self, now: datetime, span: timedelta, *, dry: bool) -> int:
        ahead = self.rows("SELECT count(*) AS n FROM post WHERE sent_at > ?", [stamp(now)])[0]["n"]
        return max(ahead, super().sent_around(now, span, dry=dry))


class Retrying(X):
    """For a control: what was not answered is sent again, as by any usual client."""

    def post(self, text: str, **about: Any) -> Receipt:
        try:
            return super().post(text, **about)
        except Unknown:
            return super().post(text, **about)


class Year:
    """One bot's year. Events are drawn beforehand; a beat comes where something may be due, and now and then."""

    def __init__(self, folder: Path, seed: int, *, start: datetime, days: int, zone: str, without: str = "") -> None:
        self.chance = random.Random(seed)
        self.clock = Clock(start)
        self.path = folder / f"{seed}-{start:%Y%m%d}-{zone.replace('/', '-')}.db"
        self.catch_up = "one" if seed % 2 else "skip"
        self.without, self.end = without, days * 86_400.0
        kind = Retrying if without == "intent" else X
        self.x = kind(self.clock, BRAKES, self.chance, price=PRICE, strict=seed % 3 == 0)
        self.counts: Counter[str] = Counter()
        self.rounds: list[Round] = []
        self.used: set[str] = set()  # the moments of the slots that were spoken in
        self.in_doubt: dict[int, float] = {}  # since when, by true time
        self.resumed = self.clock.now()  # the end of the last time that nothing could be said
        self.late = 0  # posts since then whose slot was before it
        self.events = sorted(self._drawn(days), reverse=True)
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
        self.heart = self._born()
        self.book = Store.open(self.path)  # where everything is looked up

    def _drawn(self, days: int) -> list[tuple[float, str, float]]:
        """When, what, and for how many seconds or how far."""
        rates = {"crash": 200, "sleep": 40, "step": 60, "leap": 8, "outage": 70}  # a year, as facts of machines go
        found = []
        for what, rate in rates.items():
            for _ in range(max(1, round(rate * days / 365))):
                size = {
                    "crash": self.chance.choice((1, 30, 900, 3 * 3600, 30 * 3600)),
                    "sleep": self.chance.uniform(600, 60_000),
                    "step": self.chance.choice((-1, 1)) * self.chance.choice((90, 1800, 2 * 3600, 5 * 3600)),
                    "leap": self.chance.choice((-1, 1)) * self.chance.uniform(30, 3650) * 86_400,
                    "outage": self.chance.choice((600, 3 * 3600, 9 * 3600, 50 * 3600)),
                }[what]
                found.append((self.chance.uniform(0, days * 86_400), what, float(size)))
        return found

    def _born(self) -> Heartbeat:
        self.x.life += 1
        kind = {"slots": Forgetful, "doubt": Believing}.get(self.without, Store)
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
        never = Backups(self.path.parent, [], keep=1, every=timedelta(0))
        round_log: Any = self
        now: Any = SimpleNamespace(agenda=agenda, backups=never)
        return Heartbeat(lambda: now, round_log, refresh=lambda: None, shortage=lambda: None, clock=self.clock, log=LOG)

    def write(self, ended: Round) -> None:
        """As the diary does."""
        self.rounds.append(ended)

    def run(self) -> dict[str, Any]:
        while self.clock.true < self.end:
            self._pass(self._until_next())
            self._beat()
            self._ask_a_person()
        self.events.clear()
        self.x.outage, self.x.crashes, self.clock.wrong = "", False, timedelta(0)
        for step in [900] * 12 + [3 * 3600] * 28:  # and then three days in peace
            self.clock.true += step
            self.heart.beat()
            self._ask_a_person()
        self._compare()
        return {"posts": len(self.x.posts), **self.counts, **{f"broken_{what}": n for what, n in self.x.broken.items()}}

    def _until_next(self) -> float:
        """As little as a beat where something may happen; else as long as nothing can be due."""
        busy = self.rounds and self.rounds[-1].outcome in {"waiting", "unknown"}
        now = self.clock.now()
        due = (self.schedule.next(now).due - now).total_seconds()
        idle = self.chance.uniform(60, 1200) if busy else self.chance.uniform(600, 7200)
        return min(idle, max(due, 0) + self.chance.uniform(0, BEAT))

    def _pass(self, seconds: float) -> None:
        until = min(self.clock.true + seconds, self.end)
        while self.events and self.events[-1][0] <= until:
            at, what, size = self.events.pop()
            self.clock.true = max(self.clock.true, at)
            self._happens(what, size)
        self.clock.true = max(self.clock.true, until)

    def _happens(self, what: str, size: float) -> None:
        self.counts[what] += 1
        self._disturbed()
        match what:
            case "crash":
                self.clock.true += size
                self.heart = self._born()
            case "sleep":
                self.clock.true += size
                self.clock.asleep += size
            case "step" | "leap":
                self.clock.wrong = timedelta(seconds=size)
                self._later("right", self.chance.uniform(600, 3 * 86_400))
            case "right":
                self.clock.wrong = timedelta(0)
            case "outage":
                self.x.outage = self.chance.choice(OUTAGES)
                self.counts[self.x.outage] += 1
                self._later("over", size)
            case "over":
                self.x.outage = ""
        self._disturbed()

    def _later(self, what: str, seconds: float) -> None:
        self.events.append((self.clock.true + seconds, what, 0.0))
        self.events.sort(reverse=True)

    def _disturbed(self) -> None:
        self.resumed, self.late = self.clock.now(), 0

    def _beat(self) -> None:
        self.counts["beats"] += 1
        slot, made, asked = self.schedule.due(self.clock.now()), len(self.x.posts), self.x.requests
        must_act, paused = self._expected(slot)
        self.rounds.clear()
        try:
            self.heart.beat()
        except Crash:
            self._happens("crash", self.chance.choice((0.1, 20, 3600)))
            return
        if paused and self.x.requests > asked:
            self.x.breaks("pause", "X was asked in a pause")
        if self.x.outage in HALTS and self.x.requests > asked:
            self._check_halt()
        for post in self.x.posts[made:]:
            self._check_post(post)
        if must_act and not paused:
            self._check_answer(slot)

    def _expected(self, slot: Slot | None) -> tuple[bool, bool]:
        """Whether something must come of this beat: a slot is due that came when all was well, and nothing is held."""
        paused = bool(why_paused(self.book, self.clock.now()))
        held = self.book.posts_in("approved", "sending", "unknown", dry=False)
        used = slot is None or self.book.slot_outcome(slot.key, dry=False) is not None
        is_well = not self.x.outage and not self.clock.wrong and slot is not None and slot.due > self.resumed
        return is_well and not used and not held and self.without in {"", "doubt"}, paused

    def _check_halt(self) -> None:
        """What `mynah status` shows after X has answered that it will have nothing: a pause, and why."""
        why = why_paused(self.book, self.clock.now())
        self.counts["halts_shown"] += 1
        if not why or "X answered" not in why:
            self.x.breaks("unseen", f"{self.x.outage}, and status says {why}")

    def _check_post(self, post: Seen) -> None:
        """In its slot's time, in a slot of its own, and of all that was missed the only one."""
        about = "SELECT due FROM post JOIN slot ON slot.key = post.slot AND slot.dry = post.dry WHERE text = ?"
        due = self.book.rows(about, [post.text])[0]["due"]
        if due in self.used:
            self.x.breaks("slot", f"{due} was spoken in twice")
        self.used.add(due)
        late = post.wall - moment(due)
        if self.catch_up == "skip" and late > 2 * GRACE:  # one for the draft, one for the tries to send it
            self.x.breaks("late", f"{late} after its slot")
        if moment(due) <= self.resumed - GRACE:
            self.late += 1
            self.counts["caught_up"] += 1
            if self.late > 1:
                self.x.breaks("burst", f"{self.late} posts for what was missed until {self.resumed}")

    def _check_answer(self, slot: Slot | None) -> None:
        """A slot that is due is spoken in or skipped; or it waits, for a reason that is true."""
        if not self.rounds:
            self.x.breaks("silence", f"{slot} is due, and nothing was done")
            return
        ended, now = self.rounds[-1], self.clock.now()
        self.counts[f"then_{ended.outcome}"] += 1
        if ended.outcome == "waiting" and ended.post is None:
            near = [abs(now - at) for at in self.x.maybe]  # the oldest too: a clock that was ahead dated them today
            reasons = {
                "min_gap": sum(one < BRAKES.min_gap for one in near) + self._is_close(),
                "max_per_hour": sum(one < HOUR for one in near) // BRAKES.per_hour,
                "max_per_day": sum(one < DAY for one in near) // BRAKES.per_day,
                "budget": self._may_cost(day_start(now)) > BRAKES.caps.per_day - PRICE
                or self._may_cost(month_start(now)) > BRAKES.caps.per_month - PRICE,
            }
            if not any(reasons[name] for name in reasons if name in ended.detail):
                self.x.breaks("stuck", f"{slot}: {ended.detail}")

    def _may_cost(self, since: datetime) -> int:
        """What X was asked for from then on, by the bot's clock: tries to post, and looks for what was lost.

        Until a day from now, since a clock that was set back dates in the future what was just paid.
        """
        until = self.clock.now() + DAY
        asked = [(at, PRICE) for at in self.x.maybe] + self.x.read
        return sum(cost for at, cost in asked if since <= at <= until)

    def _is_close(self) -> bool:
        """Whether this life has posted a moment ago, whatever the wall clock says since."""
        posts = [post for post in self.x.posts[-1:] if post.life == self.x.life]
        return any(self.clock.monotonic() - post.mono < BRAKES.min_gap.total_seconds() for post in posts)

    def _ask_a_person(self) -> None:
        """What the timeline could not tell for three days, somebody looks up."""
        unknown = {post.id: post for post in self.book.posts_in("unknown", dry=False)}
        self.in_doubt = {number: self.in_doubt.get(number, self.clock.true) for number in unknown}
        for number, since in self.in_doubt.items():
            if self.clock.true - since > 3 * 86_400:
                self.counts["asked_a_person"] += 1
                there = next((seen.id for seen in self.x.posts if seen.text == unknown[number].text), None)
                state = "posted" if there else "abandoned"
                self.book.move(number, state, at=self.clock.now(), x_id=there)

    def _compare(self) -> None:
        posted = self.book.rows("SELECT x_id, text FROM post WHERE state = 'posted'")
        kept = {row["x_id"]: row["text"] for row in posted}
        there = {post.id: post.text for post in self.x.posts}
        for name, lost in (("missing", there.keys() - kept.keys()), ("invented", kept.keys() - there.keys())):
            for one in lost:
                self.x.breaks(name, one)
        for line in self.book.damage():
            self.x.breaks("damage", line)


def watch(seed: int, *, days: int, zone: str, start: datetime, without: str = "", told: list[str]) -> Counter[str]:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        year = Year(Path(name), seed, start=start, days=days, zone=zone, without=without)
        counts = Counter(year.run())
        year.book.close()
    told += year.x.told
    return counts


def one_year(seed: int, *, days: int, without: str) -> tuple[Counter[str], list[str]]:
    """The year and the zone that follow from the seed, and the processor's seconds that they took."""
    told: list[str] = []
    zone, start, began = ZONES[seed % len(ZONES)], datetime(2027 + seed, 1, 1, tzinfo=UTC), process_time()
    counts = watch(seed, days=days, zone=zone, start=start, without=without, told=told)
    return counts + Counter(seconds=round(process_time() - began)), told


def around_changes(seed: int, *, days: int, without: str = "", told: list[str]) -> Counter[str]:
    """A year in pieces: so many days around each change of the clocks, in each zone."""
    counts: Counter[str] = Counter()
    for zone in ZONES:
        for number, day in enumerate(changes(zone, 2027 + seed)):
            start = day - timedelta(days=days // 2)
            counts += watch(seed + number, days=days, zone=zone, start=start, without=without, told=told)
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
        for found, told in years:
            counts += found
            print("\n".join(told), end="\n" * bool(told), file=sys.stderr, flush=True)  # noqa: T201
    print(json.dumps({"years": args.years, **counts}))  # noqa: T201  its answer


if __name__ == "__main__":
    main()
