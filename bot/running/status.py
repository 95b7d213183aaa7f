"""The state of the bot as one row with stable keys: for `mynah status`, and for Prometheus."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import moment, stamp, why_doubted
from bot.errors import ModelError, StoreError
from bot.history import mentions, refusals, review, threads
from bot.history import notifications as told
from bot.history.store import Store
from bot.running import assembly, resources
from bot.sending import budget
from bot.sending.pause import why_paused
from bot.sending.reconcile import next_lookup
from bot.voice.model_voice import promoted
from bot.x.payloads import time_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.notifications import LastTry

SILENT = timedelta(minutes=3)  # the unit's WatchdogSec
FAILED_TRIES = 3  # of a notification in a row; fewer are an outage of a moment


def row(settings: Settings, state_dir: StateDir, now: datetime) -> dict[str, Any]:
    """Return the state as a row. Mode and --every come from the running bot, since the configuration may be newer."""
    status = _Status(settings, state_dir, now)
    if not state_dir.history.exists():
        return status.row()
    with Store.open(state_dir.history, read_only=True) as store:
        return status.row(store)


def why_unhealthy(row: Mapping[str, Any]) -> str:
    """Why a supervisor should restart the bot; empty if it runs. A pause or an unconfirmed post is no reason."""
    if not row["running"]:
        return "no bot is running"
    if row["heartbeat_age"] is None or row["heartbeat_age"] > SILENT.total_seconds():
        return f"no heartbeat has succeeded within {SILENT.total_seconds():.0f} s: the log says why"
    return ""


class _Status:
    def __init__(self, settings: Settings, state_dir: StateDir, now: datetime) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._now = now
        self._holder = state_dir.holder()
        self._about = self._holder or {}
        self._live: bool = self._about.get("live", settings.live)
        self._model, self._damage = _current_model(state_dir)
        self._backup = assembly.backups(settings, state_dir).newest(now)
        self._beat = state_dir.last_beat() if self._holder else None

    def row(self, store: Store | None = None) -> dict[str, Any]:
        every, caps = self._about.get("every"), assembly.caps(self._settings)
        schedule = assembly.schedule(self._settings, timedelta(seconds=every) if every else None)
        row: dict[str, Any] = {
            "running": self._holder is not None,
            "pid": self._about.get("pid"),
            "mode": "live" if self._live else "dry",
            "model": self._model,
            "next_slot": stamp(schedule.next(self._now).due),
            "last_slot": None,
            "last_slot_was": None,
            "last_post": None,
            "asks": self._about.get("mode", self._settings.mode) == "review",
            "to_review": 0,
            "next_expires": None,
            "replies": self._settings.replies.standing(live=self._live),
            "mentions": {},
            "mention_lag": None,
            "to_look_at": 0,
            "paused": None,
            "unknown": [],
            "next_look": None,
            "posts": {},
            "refusals": {},
            "last": [],
            "spent_today": budget.dollars(0),
            "spent_this_month": budget.dollars(0),
            "budget_per_day": budget.dollars(caps.per_day),
            "budget_per_month": budget.dollars(caps.per_month),
            "bot": self._about.get("bot", self._settings.bot),
            "heartbeat_age": self._age(self._beat),
            "last_backup": stamp(self._backup.at) if self._backup else None,
            "notifications": notifications(None, self._settings, self._now),
            "alerts": list(self._alerts()),
        }
        if store is None:
            return row
        row |= _from_history(store, self._settings, dry=not self._live, now=self._now)
        return row | {
            "alerts": [*row["alerts"], *_distress(store), *_failing_notifications(store, self._settings, self._now)]
        }

    def _age(self, beat: datetime | None) -> float | None:
        return round(max((self._now - beat).total_seconds(), 0.0), 1) if beat else None

    def _alerts(self) -> Iterator[str]:
        """Sentences about everything that needs a person."""
        root = self._state_dir.root
        lost = assembly.lost(self._settings, self._state_dir)
        yield from filter(None, (self._damage, resources.why_not(root), lost, why_doubted(self._now)))
        speaking = self._about.get("speaking")
        if speaking and speaking != self._model:
            current = self._model or "the current model"
            yield f"it speaks with {speaking}, since {current} is damaged: `mynah models`"
        if problem := self._about.get("log"):
            yield f"{problem}: the bot goes on unlogged; restart it with a log that can be written"
        if self._beat and self._now - self._beat > SILENT:
            yield f"no heartbeat has succeeded since {stamp(self._beat)}: the log says why"
        if self._is_backup_overdue():
            yield "the last backup is too old: the log says why (backup.failed)"

    def _is_backup_overdue(self) -> bool:
        every, since = self._settings.backup.every, self._since()
        if not every or since is None:
            return False
        return self._now - max(self._backup.at if self._backup else since, since) > 2 * every

    def _since(self) -> datetime | None:
        """When the running process started, if it says so."""
        try:
            return moment(str(self._about["since"])) if "since" in self._about else None
        except StoreError:
            return None


def _current_model(state_dir: StateDir) -> tuple[str | None, str]:
    """Its name, and what is wrong with it."""
    try:
        current = promoted(state_dir.models)
    except ModelError as error:
        return None, str(error)
    return current.name if current else None, ""


def _from_history(store: Store, settings: Settings, *, dry: bool, now: datetime) -> dict[str, Any]:
    terms = assembly.review_settings(settings)
    drafts = review.waiting(store, terms, now, dry=dry)
    return {
        "to_review": len(drafts),
        "next_expires": stamp(review.expires(drafts[0], terms)) if drafts else None,
        **_last(store, dry=dry),
        "mentions": mentions.counts(store),
        "mention_lag": _lag(store, now),
        "to_look_at": len(threads.to_look_at(store)),
        "notifications": notifications(store, settings, now),
        "refusals": refusals.counts(store, dry=dry),
        "paused": why_paused(store, now),
        "unknown": [post.id for post in store.posts_in("unknown", dry=dry)],
        "next_look": stamp(lookup) if not dry and (lookup := next_lookup(store)) else None,
        "posts": store.counts(dry=dry),
        "last": [post.text for post in store.history(dry=dry, limit=3)],
        **{name: budget.dollars(cost) for name, cost in budget.spent(store, now, dry=dry).items()},
    }


def notifications(store: Store | None, settings: Settings, now: datetime) -> dict[str, str]:
    """What became of the last notification to each target."""
    names = _targets(store, settings, now)
    return {name: _told(told.last_try(store, name) if store else None) for name in names}


def _targets(store: Store | None, settings: Settings, now: datetime) -> list[str]:
    """Without the secrets, which not every process has, those of the last week."""
    return list(settings.notify.urls()) or (told.targets(store, now - timedelta(days=7)) if store else [])


def _told(last: LastTry | None) -> str:
    if last is None:
        return "nothing sent yet"
    return f"failed at {stamp(last.at)} (try {last.tries}): {last.error}" if last.error else f"sent at {stamp(last.at)}"


def _failing_notifications(store: Store, settings: Settings, now: datetime) -> Iterator[str]:
    for name in _targets(store, settings, now):
        last = told.last_try(store, name)
        if last and last.error and last.tries >= FAILED_TRIES:
            yield f"notifications to {name} fail: {last.error}; `mynah notify --test` tries it"


def _last(store: Store, *, dry: bool) -> dict[str, Any]:
    slot = store.rows("SELECT due, outcome FROM slot WHERE dry = ? ORDER BY due DESC LIMIT 1", [dry])
    sent = store.rows(
        "SELECT sent_at FROM post WHERE dry = ? AND sent_at IS NOT NULL "
        "AND state IN ('posted', 'dry', 'unknown', 'sending') ORDER BY sent_at DESC LIMIT 1",
        [dry],
    )
    return {
        "last_slot": slot[0]["due"] if slot else None,
        "last_slot_was": slot[0]["outcome"] if slot else None,
        "last_post": sent[0]["sent_at"] if sent else None,
    }


def _distress(store: Store) -> Iterator[str]:
    count = sum(row["concern"] != "doubtful_opt_out" for row in threads.to_look_at(store))
    if count:
        who = "somebody who mentioned the bot" if count == 1 else f"{count} mentions of the bot: their authors"
        yield f"{who} may be in distress: `mynah mentions` says where"


def _lag(store: Store, now: datetime) -> float | None:
    """How long the oldest unanswered mention has waited, in seconds; its id on X contains the time."""
    waiting = mentions.waiting(store, limit=1)
    if not waiting:
        return 0.0 if mentions.counts(store) else None
    return round(max((now - time_of(waiting[0].id)).total_seconds(), 0.0), 1)
