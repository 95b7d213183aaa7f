"""How the bot stands, and what its operator may do about it: status, pause, spend, resume, resolve, config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.opening import loaded, looked_at, show, writable
from bot.errors import MynahError

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

SPENT = ("day", "kind", "number", "each", "cost", "note")


def status(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.commands.arguments import VERSION
    from bot.config.state_dir import StateDir
    from bot.running import status_row

    settings = loaded(args).settings
    row = status_row.row(settings, StateDir(settings.state), SystemClock().now()) | {"version": VERSION}
    lines = [{"what": key.replace("_", " "), "is": value} for key, value in row.items()]
    show([row] if args.json else lines, ("what", "is"), args)
    return 0


def spend(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.commands.console import tables
    from bot.running import assembly
    from bot.sending import budget

    settings = loaded(args).settings
    _, store = looked_at(settings)
    told = budget.report(store, assembly.caps(settings), days=args.days, dry=args.dry, now=SystemClock().now())
    if args.json:
        print(tables.as_json(told))
        return 0
    days = [day | {name: f"${day[name]:.3f}" for name in ("each", "cost")} for day in told["days"]]
    show([day | {"note": "by hand" if day["by_hand"] else ""} for day in days], SPENT, args)
    for span, cap in (("today", settings.budget.per_day), ("this_month", settings.budget.per_month)):
        spent, left = told[f"spent_{span}"], told[f"left_{span}"]
        print(f"{span.replace('_', ' ')}: ${spent:.3f} of ${cap:.2f}, ${left:.3f} left")
    return 0


def pause(args: Namespace) -> int:
    from bot.clock import SystemClock, stamp
    from bot.sending import outbox

    now = SystemClock().now()
    until = now + args.span if args.span else _until(args, now) if args.until else outbox.FOR_GOOD
    with writable(args) as store:
        outbox.pause(store, until=until, because=f"`mynah pause` at {stamp(now)}")
    print(f"paused: nothing goes out until {'`mynah resume`' if until == outbox.FOR_GOOD else stamp(until)}")
    return 0


def _until(args: Namespace, now: datetime) -> datetime:
    """A time of day is the next one; without a zone it is that of the schedule."""
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    from bot.sending.outbox import FOR_GOOD

    zone = ZoneInfo(loaded(args).settings.schedule.timezone)
    if isinstance(args.until, datetime):
        found = args.until if args.until.tzinfo else args.until.replace(tzinfo=zone)
    else:
        today = now.astimezone(zone).date()
        days = [datetime.combine(day, args.until, zone) for day in (today, today + timedelta(days=1))]
        shown = (day.replace(fold=fold) for day in days for fold in (0, 1))  # an hour may come twice
        found = next(moment for moment in shown if moment.astimezone(UTC) > now)
    if found <= now:
        raise MynahError(f"--until: {found.isoformat()} is over; `mynah pause` alone holds until `mynah resume`")
    return FOR_GOOD if found >= FOR_GOOD else found.astimezone(UTC)  # in another zone, Python's time may have ended


def resume(args: Namespace) -> int:
    from bot.sending import outbox

    with writable(args) as store:
        outbox.resume(store)
    print("resumed")
    return 0


def resolve(args: Namespace) -> int:
    from bot.clock import SystemClock

    if args.outcome == "posted" and not args.x_id:
        raise MynahError("say which post on X it is with --x-id, the number at the end of its address")
    if args.outcome == "abandoned" and args.x_id:
        raise MynahError("--x-id is for a post that is on X; an abandoned one is not")
    with writable(args) as store:
        found = store.post(args.id)
        if found.state not in {"unknown", "abandoned"} or found.state == args.outcome:
            raise MynahError(f"post {args.id} is {found.state}: only one that is unknown needs resolving")
        if args.x_id and store.has_x_id(args.x_id):
            raise MynahError(f"{args.x_id} is another post of ours: `mynah history --json` tells which")
        store.move(args.id, args.outcome, at=SystemClock().now(), x_id=args.x_id, note="resolved by hand")
    print(f"post {args.id} is {args.outcome}")
    return 0


def show_config(args: Namespace) -> int:
    config = loaded(args)
    if args.check:
        from bot.screen import operator_lists

        operator_lists.lists(
            config.settings.screen
        )  # the files that it names too; a classifier is the doctor's to open
        print("the configuration is right")
        return 0
    rows = [{"key": key, "value": value, "source": origin} for key, value, origin in config.rows()]
    show(rows, ("key", "value", "source"), args)
    return 0
