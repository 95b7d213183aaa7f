"""A bot in operation: `mynah status`, `history`, `spend`, `notify`, `pause`, `resume`, `resolve` and `config`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import moment
from bot.commands import arguments
from bot.commands.console.output import post_row, show, show_facts
from bot.commands.console.terminal import hint, say
from bot.commands.opening import FAILED, history_to_read, history_to_write, loaded, post_url
from bot.errors import MynahError
from bot.history import refusals
from bot.history.schema import STATES
from bot.text import times

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from datetime import datetime

    from bot.config.settings import Settings
    from bot.history.store import Store
    from bot.values import Post

SET_BACK = timedelta(days=1)  # how far this clock may be behind X's
SPENT = ("day", "kind", "number", "each", "cost", "note")


def add_status_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only say whether it runs: exit with 1 if it does not")
    parser.add_argument("--all", action="store_true", help="show everything that is known, a line for each")
    arguments.add_json(parser)


def status(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.commands.console import terminal
    from bot.commands.standing.summary import eight_lines
    from bot.config.state_dir import StateDir
    from bot.running.status import row as status_row
    from bot.running.status import why_unhealthy
    from bot.values import VERSION

    settings, now = loaded(args).settings, SystemClock().now()
    row = status_row(settings, StateDir(settings.state), now) | {"version": VERSION}
    if args.check:
        why = why_unhealthy(row)
        say(why or f"running; the last heartbeat was {row['heartbeat_age']:.0f} s ago")
        return FAILED if why else 0
    if args.json:
        show([row], (), args)
    elif args.all:
        show_facts(row)
    else:
        zone = settings.schedule.timezone
        terminal.put(eight_lines(row, now, zone, width=terminal.width(), colour=terminal.has_colour()))
    return 0


def add_history_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-n", "--limit", type=arguments.positive, default=20, help="the number of rows (default: 20)")
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
    from bot.clock import SystemClock

    settings = loaded(args).settings
    _, store = history_to_read(settings)
    is_table, now = not (args.json or args.csv), SystemClock().now()
    if args.refused:
        rows: list[dict[str, Any]] = refusals.newest(store, dry=args.dry, limit=args.limit) if store else []
        if is_table:
            rows = [row | {"when": _when(moment(row["at"]), now, settings)} for row in rows]
        columns = ("when", "reason", "detail", "text") if is_table else ("at", "slot", "reason", "detail", "text")
        show(rows, columns, args, empty="no draft has been refused yet", heading=2)
        return 0
    posts = store.history(dry=args.dry, state=args.in_state, limit=args.limit) if store else []
    if is_table:
        show([_for_people(post, now, settings) for post in posts], ("id", "when", "state", "text"), args, heading=3)
    else:
        rows = [post_row(post) | {"url": _url(post, settings)} for post in posts]
        show(rows, ("id", "created_at", "state", "length", "text", "note"), args)
    return 0


def _for_people(post: Post, now: datetime, settings: Settings) -> dict[str, Any]:
    """A row of the table: what is known beside the text is below it."""
    when = _when(post.sent_at or post.created_at, now, settings)
    text = "\n".join(filter(None, (post.text, post.note and f"({post.note})", _url(post, settings))))
    return {"id": post.id, "when": when, "state": post.state, "text": text}


def _when(at: datetime, now: datetime, settings: Settings) -> str:
    from zoneinfo import ZoneInfo

    return times.clock_time(at, now, ZoneInfo(settings.schedule.timezone))


def _url(post: Post, settings: Settings) -> str | None:
    return post_url(settings, settings.bot, post.x_id) if post.x_id else None


def add_spend_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--days",
        type=arguments.positive,
        default=31,
        metavar="N",
        help="the last N days, including today (default: 31)",
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
        say(f"{span.replace('_', ' ')}: ${spent:.3f} of ${cap:.2f}, ${left:.3f} left")
    return 0


def add_notify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--test", action="store_true", help="send a test to each target now, also in quiet hours")
    arguments.add_json(parser)


def notify(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.running.notifications import messages
    from bot.running.notifications.targets import open_targets
    from bot.running.status import notifications

    settings = loaded(args).settings
    targets = open_targets(settings.notify.urls()).values() if settings.notify.targets else ()
    if not targets:
        raise MynahError(
            "there are no targets: write Apprise URLs, one per line, into the file notify_targets beside X's keys "
            "(x.keys); see docs/notifications.md"
        )
    if args.test:
        errors = {target.name: target.send(*messages.test(settings)) for target in targets}
        states = {name: f"failed: {error}" if error else "sent" for name, error in errors.items()}
    else:
        states = notifications(history_to_read(settings)[1], settings, SystemClock().now())
    rows = [{"target": one.name, "service": one.service, "state": states[one.name]} for one in targets]
    show(rows, ("target", "service", "state"), args)
    return FAILED if args.test and any(errors.values()) else 0


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
    if until == switch.FOR_GOOD:
        say("paused: nothing is posted until `mynah resume`")
    else:
        say(
            f"paused: nothing is posted for {times.span(until - now)}, until {_when(until, now, loaded(args).settings)}"
        )
        hint("`mynah resume` ends the pause earlier")
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
    say("resumed")
    hint("`mynah status` says when the next post is due")
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
    say(f"post {args.id} is {args.outcome}")
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
        say("the configuration is valid")
        hint("`mynah doctor` checks what going live needs")
        return 0
    shown = config.changed() if args.changed else config.rows()
    rows = [{"key": key, "value": value, "source": origin} for key, value, origin in shown]
    show(rows, ("key", "value", "source"), args, empty="nothing: every key has its default")
    return 0
