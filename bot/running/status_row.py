"""How a bot stands, put together from its settings and its folder: for `mynah status` and for who scrapes it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import stamp
from bot.errors import ModelError
from bot.history.store import Store
from bot.running import assembly, resources
from bot.running.status import alerts, standing
from bot.voice.model_voice import promoted

if TYPE_CHECKING:
    from datetime import datetime

    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir


def row(settings: Settings, folder: StateDir, now: datetime) -> dict[str, Any]:
    """The history is opened for reading, and closed again. A running bot is asked what it runs as."""
    if not folder.history.exists():
        return _row(settings, folder, None, now)
    with Store.open(folder.history, read_only=True) as store:
        return _row(settings, folder, store, now)


def _row(settings: Settings, folder: StateDir, store: Store | None, now: datetime) -> dict[str, Any]:
    holder = folder.holder()
    about = holder or {}
    every, live = about.get("every"), about.get("live", settings.live)
    model, damage = None, ""
    try:
        current = promoted(folder.models)
        model = current.name if current else None
    except ModelError as error:
        damage = str(error)
    told = standing(
        holder,
        store,
        live=live,
        schedule=assembly.schedule(settings, timedelta(seconds=every) if every else None),
        model=model,
        caps=assembly.caps(settings),
        review_mode=about.get("mode", settings.mode) == "review",
        terms=assembly.review_settings(settings),
        replies=settings.replies.standing(live=live),
        now=now,
    )
    newest = assembly.backups(settings, folder).newest(now)
    beat = folder.last_beat() if holder else None
    told["bot"] = about.get("bot", settings.bot)
    told["heartbeat_age"] = round(max((now - beat).total_seconds(), 0.0), 1) if beat else None
    told["last_backup"] = stamp(newest.at) if newest else None
    found = (damage, resources.why_not(folder.root), assembly.lost(settings, folder))
    every_backup = settings.backup.every
    told["alerts"] = alerts(*found, holder=holder, model=model, backup=newest, beat=beat, every=every_backup, now=now)
    return told
