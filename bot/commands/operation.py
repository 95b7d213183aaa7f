"""A bot in operation: `mynah status`, `history`, `spend`, `pause`, `resume`, `resolve` and `config`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.commands import arguments
from bot.commands.console.output import post_row, show
from bot.commands.opening import FAILED, history_to_read, history_to_write, loaded
from bot.errors import MynahError
from bot.history import refusals
from bot.history.schema import STATES

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from datetime import datetime

    from bot.history.store import Store

SET_BACK = timedelta(days=1)  # how far this clock may be behind X's
SPENT = ("day", "kind", "number", "each", "cost", "note")


def add_status_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only say whether it runs: exit with 1 if it does not")
    arguments.add_json(parser)


def status(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir
    from bot.running.status import row as status_row
    from bot.running.status import why_unhealthy
    from bot.values import VERSION

    settings = loaded(args).settings
    row = status_row(settings, StateDir(settings.state), SystemClock().now()) | {"version": VERSION}
    if args.check:
        why = why_unhealthy(row)
        print(why or f"running; the last heartbeat was {row['heartbeat_age']:.0f} s ago")
        return FAILED if why else 0
    lines = [{"field": key.replace("_", " "), "value": value} for key, value in row.items()]
    show([row] if args.json else lines, ("field", "value"), args)
    return 0


def add_history_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-n", "--limit", type=arguments.count, default=20, help="the number of rows (default: 20)")
    parser.add_argument("--refused", action="store_true", help="list the drafts that the screen refused instead")
    parser.add_argument(
        "--in-state", metavar="STATE", choices=STATES, help=f"only posts in this state: {', '.join(STATES)}"
    )
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--dry", dest="dry", action="store_true", default=None, help="only dry runs")
    kinds.add_argument("--live", dest="dry", action="store_false", default=None, help="only live posts")
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--csv", action="store_true", help="print CSV")
    formats.add_argument("--json", action="store_true", help="print one JSON object per line")


def history(args: Namespace) -> int:
    _, store = history_to_read(loaded(args).settings)
    if args.refused:
        rows: list[dict[str, Any]] = refusals.newest(store, dry=args.dry, limit=args.limit) if store else []
        show(rows, ("at", "slot", "reason", "detail", "text"), args, empty="no draft has been refused yet")
        return 0
    posts = store.history(dry=args.dry, state=args.in_state, limit=args.limit) if store else []
    show([post_row(post) for post in posts], ("id", "created_at", "state", "length", "text", "note"), args)
    return 0


def add_spend_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--days", type=arguments.count, default=31, metavar="N", help="the last N days, including today (default: 31)"
    )
    parser.add_argument("--dry", action="store_true", help="show what the dry runs would have cost instead")
    arguments.add_json(parser)


def spend(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.commands.console import tables
    from bot.running import assembly
    from bot.sending import budget

    settings = loaded(args).settings
    _, store = history_to_read(settings)
    totals = budget.report(store, assembly.caps(settings), days=args.days, dry=args.dry, now=SystemClock().now())
    if args.json:
        print(tables.as_json(totals))
        return 0
    days = [day | {name: f"${day[name]:.3f}" for name in ("each", "cost")} for day in totals["days"]]
    show([day | {"note": "by hand" if day["by_hand"] else ""} for day in days], SPENT, args)
    for span, cap in (("today", settings.budget.per_day), ("this_month", settings.budget.per_month)):
        spent, left = totals[f"spent_{span}"], totals[f"left_{span}"]
        print(f"{span.replace('_', ' ')}: ${spent:.3f} of ${cap:.2f}, ${left:.3f} left")
    return 0


def add_pause_arguments(parser: ArgumentParser) -> None:
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument(
        "--for",
        dest="span",
        type=arguments.duration,
        metavar="DURATION",
        help="for this long, such as 2h (default: until `mynah resume`)",
    )
    ends.add_argument(
        "--until",
        type=arguments.moment,
        metavar="TIME",
        help="until 18:30 or 2026-12-24T18:30, in schedule.timezone",
    )


def pause(args: Namespace) -> int:
    from bot.clock import SystemClock, stamp
    from bot.sending import pause as switch

    now = SystemClock().now()
    until = now + args.span if args.span else _until(args, now) if args.until else switch.FOR_GOOD
    with history_to_write(args) as store:
        switch.pause(store, until=until, because=f"`mynah pause` at {stamp(now)}")
    print(f"paused: nothing is posted until {'`mynah resume`' if until == switch.FOR_GOOD else stamp(until)}")
    return 0


def _until(args: Namespace, now: datetime) -> datetime:
    """Return when a pause ends. A time of day means its next occurrence; the default time zone is the schedule's."""
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    from bot.sending.pause import FOR_GOOD

    zone = ZoneInfo(loaded(args).settings.schedule.timezone)
    if isinstance(args.until, datetime):
        until = args.until if args.until.tzinfo else args.until.replace(tzinfo=zone)
    else:
        today = now.astimezone(zone).date()
        days = [datetime.combine(day, args.until, zone) for day in (today, today + timedelta(days=1))]
        times = (day.replace(fold=fold) for day in days for fold in (0, 1))  # when the clocks go back, an hour repeats
        until = next(time for time in times if time.astimezone(UTC) > now)
    if until <= now:
        raise MynahError(f"--until: {until.isoformat()} is in the past; `mynah pause` alone lasts until `mynah resume`")
    return FOR_GOOD if until >= FOR_GOOD else until.astimezone(UTC)  # in UTC it may be beyond Python's last year


def resume(args: Namespace) -> int:
    from bot.sending import pause as switch

    with history_to_write(args) as store:
        switch.resume(store)
    print("resumed")
    return 0


def add_resolve_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.count, help="the number of the post in the history")
    parser.add_argument("outcome", choices=("posted", "abandoned"), help="posted: it is on X; abandoned: it is not")
    parser.add_argument("--x-id", type=arguments.digits, help="with posted: the number at the end of its address on X")


def resolve(args: Namespace) -> int:
    from bot.clock import SystemClock

    if args.outcome == "posted" and not args.x_id:
        raise MynahError("posted needs --x-id, the number at the end of the post's address on X")
    if args.outcome == "abandoned" and args.x_id:
        raise MynahError("--x-id is only for posted: an abandoned post is not on X")
    with history_to_write(args) as store:
        resolve_post(store, args.id, args.outcome, x_id=args.x_id, at=SystemClock().now())
    print(f"post {args.id} is {args.outcome}")
    return 0


def resolve_post(store: Store, number: int, outcome: str, *, x_id: str | None, at: datetime) -> None:
    from bot.x.payloads import time_of

    if x_id and (made := time_of(x_id)) > at + SET_BACK:
        raise MynahError(
            f"--x-id {x_id}: X makes that id on {made:%Y-%m-%d}, which is yet to come: copy the number at the end of "
            "the post's address, and set the clock if it is wrong"
        )
    post = store.post(number)
    if post.state not in {"unknown", "abandoned"} or post.state == outcome:
        raise MynahError(f"post {number} is {post.state}: only unknown posts can be resolved")
    if x_id and store.has_x_id(x_id):
        raise MynahError(f"{x_id} already belongs to another post in the history: see `mynah history --json`")
    store.move(number, outcome, at=at, x_id=x_id, note="resolved by hand")


def add_config_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only check that the configuration is valid")
    parser.add_argument("--changed", action="store_true", help="only show what differs from the defaults")
    arguments.add_json(parser)


def show_config(args: Namespace) -> int:
    config = loaded(args)
    if args.check:
        from bot.screen import operator_lists

        operator_lists.lists(config.settings.screen)  # also checks the lists; `mynah doctor` checks the classifier
        print("the configuration is valid")
        return 0
    shown = config.changed() if args.changed else config.rows()
    rows = [{"key": key, "value": value, "source": origin} for key, value, origin in shown]
    show(rows, ("key", "value", "source"), args, empty="nothing: every key has its default")
    return 0
