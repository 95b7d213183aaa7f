"""The state of the bot in eight lines: is it well, what did it say last, when next, what does it cost, what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.clock import FIRST, moment
from bot.commands.console import tables
from bot.commands.console.tables import Fact
from bot.errors import StoreError
from bot.text import times
from bot.text.wrapping import cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, tzinfo

    Row = Mapping[str, Any]

LABEL = 8  # columns before the values
LEAST = 60  # columns for the last post, also where they are two or three lines
DONE = ("posted", "dry", "unknown")  # the states that the line on posts counts first


def eight_lines(row: Row, now: datetime, zone: str, *, width: int | None, colour: bool) -> str:
    """Lay out a row of `bot.running.status` for people; on a narrow terminal its long lines are wrapped."""
    to_do = list(tasks(row, now))
    there = ZoneInfo(zone)
    style = "bad" if row["alerts"] else "warn" if row["paused"] or not row["running"] else "good"
    facts = [
        Fact("bot", _who(row)),
        Fact("health", _health(row, now), style),
        Fact("model", str(row["model"] or "none yet")),
        Fact("said", _said(row, now, width)),
        Fact("next", _next(row, now, there)),
        Fact("posts", _posts(row)),
        Fact("cost", _cost(row)),
        Fact("to do", "\n".join(to_do) or "nothing", "accent" if to_do else "dim"),
    ]
    return tables.as_facts(facts, width=width, colour=colour)


def tasks(row: Row, now: datetime) -> Iterator[str]:
    """What needs a person, the most urgent first; a sentence each."""
    yield from row["alerts"]
    if row["paused"]:
        yield str(row["paused"])
    if row["to_review"]:
        drafts = "1 draft waits" if row["to_review"] == 1 else f"{row['to_review']} drafts wait"
        end = f"; the first expires {times.distance(_time(row['next_expires']), now)}" if row["next_expires"] else ""
        yield f"`mynah review`: {drafts} for your approval{end}"
    for post in row["unknown"]:
        own = "the bot looks for it on X" if row["next_look"] else "X's timeline cannot tell"
        yield f"post {post} may or may not be on X: {own}; `mynah resolve {post} …` records what you see there"
    if row["model"] is None and not row["alerts"]:
        yield "`mynah retrain` trains a model, and so does `mynah run` when it starts"
    elif not row["running"]:
        yield f"`mynah run{' --live' if row['mode'] == 'live' else ''}` starts the bot"


def _who(row: Row) -> str:
    mode = "live: it posts to X" if row["mode"] == "live" else "a dry run: nothing goes to X"
    return f"@{row['bot']}, {mode}{', each post after your approval' if row['asks'] else ''}"


def _health(row: Row, now: datetime) -> str:
    count = len(row["alerts"])
    problems = ("1 problem, see below" if count == 1 else f"{count} problems, see below") if count else ""
    if not row["running"]:
        return f"it is not running{'; ' + problems if count else ''}"
    state = problems or ("paused" if row["paused"] else "well")
    age = row["heartbeat_age"]
    beat = f", last heartbeat {times.distance(now - timedelta(seconds=age), now)}" if age is not None else ""
    return f"{state}; it is running as process {row['pid']}{beat}"


def _said(row: Row, now: datetime, width: int | None) -> str:
    """The last post, cut to the line, and how long ago it was."""
    if not row["last"]:
        return "nothing yet"
    when = f" ({times.distance(_time(row['last_post']), now)})" if row["last_post"] else ""
    text = tables.shown(" ".join(row["last"][0].split()))
    return f"{shortened(text, max(width - LABEL, LEAST) - len(when)) if width else text}{when}"


def _next(row: Row, now: datetime, zone: tzinfo) -> str:
    if row["paused"]:
        return "after the pause"
    due = times.said(_time(row["next_slot"]), now, zone)
    return due if row["running"] else f"{due}, once it runs"


def _posts(row: Row) -> str:
    posts = {"dry": "in dry runs", "posted": "on X", "unknown": "unconfirmed"}
    parts = [f"{row['posts'][state]:,} {posts[state]}" for state in DONE if row["posts"].get(state)]
    refused = sum(row["refusals"].values())
    parts += [f"{refused:,} {'draft' if refused == 1 else 'drafts'} refused by the screen"] if refused else []
    parts += [f"replies: {row['replies']}"] if "replies.enabled" not in row["replies"] else []
    return ", ".join(parts) or "none yet"


def _cost(row: Row) -> str:
    would = "" if row["mode"] == "live" else "would be "
    today, month = row["spent_today"], row["spent_this_month"]
    return f"{would}{today} today of {row['budget_per_day']}, {month} this month of {row['budget_per_month']}"


def shortened(text: str, columns: int) -> str:
    """The text on one line, cut after a word."""
    if cells(text) <= columns:
        return text
    words = text.split(" ")
    while len(words) > 1 and cells(" ".join(words)) + 2 > columns:
        words.pop()
    return f"{' '.join(words)} …"


def _time(text: str) -> datetime:
    """A time that the history holds; the beginning of time where it is damaged, which `mynah doctor` reports."""
    try:
        return moment(text)
    except StoreError:
        return FIRST
