"""`mynah doctor`: everything that going live needs, looked at; `ready` is its quick half, for who goes live."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bot import ledger
from bot.commands.shown import FAILED, agreed, loaded, looked_at, show, translated, writable
from bot.errors import ConfigError, Halted, ModelError, MynahError, Refused, StoreError, XError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from bot.clock import Clock
    from bot.doctor import Check
    from bot.folder import StateFolder
    from bot.settings import Settings
    from bot.store import Store

COLUMNS = ("verdict", "check", "detail", "do")


def doctor(args: Namespace) -> int:
    from bot.clock import SystemClock

    if args.confirm:
        return _confirm(args)
    checks = _all(args, SystemClock())
    show([asdict(check) for check in checks], COLUMNS, args)
    failed = [check.check for check in checks if check.verdict == "fail"]
    if not args.json:
        print(f"not ready: {', '.join(failed)}" if failed else "ready, as far as this looked")
    return FAILED if failed else 0


def ready(settings: Settings, folder: StateFolder, store: Store, clock: Clock) -> None:
    """Before the first post for real; what is dear or needs the network is left to `mynah doctor`."""
    failed = [check for check in _quick(settings, folder, store, clock) if check.verdict == "fail"]
    if failed:
        told = "".join(f"\n  {check.check}: {check.detail}; {check.do}" for check in failed)
        raise ConfigError(f"not ready to post for real, as `mynah doctor` sees it:{told}")


def _all(args: Namespace, clock: Clock) -> list[Check]:
    from bot import doctor as look

    try:
        settings = loaded(args).settings
    except ConfigError as error:
        return [look.Check("configuration", "fail", str(error), "put each right, then `mynah config --check`")]
    checks = [look.Check("configuration", "ok", "live" if settings.live else "a rehearsal")]
    try:
        folder, store = looked_at(settings)
    except StoreError as error:
        return [*checks, look.Check("history", "fail", str(error), "see docs/operating.md")]
    checks += _quick(settings, folder, store, clock)
    if not args.quick:
        checks += _thorough(settings, folder)
    if args.online:
        checks += _online(settings, folder, clock)
    return checks


def _quick(settings: Settings, folder: StateFolder, store: Store | None, clock: Clock) -> list[Check]:
    from urllib.parse import urlsplit
    from zoneinfo import ZoneInfo

    from bot import build
    from bot import doctor as look
    from bot.lookout import ACCOUNT
    from bot.settings import SECRETS

    now, live = clock.now(), settings.live
    keys = build.secrets(settings)
    account = keys.get("access_token", "").split("-")[0]
    sound = look.history(store)
    told = store if sound.verdict == "ok" else None  # a damaged one is asked nothing else
    zone = ZoneInfo(settings.schedule.timezone)
    due = build.schedule(settings, None).next(now).due
    mounts = Path("/proc/self/mountinfo")
    return [
        look.keys([f"x.{name}" for name in SECRETS if name not in keys], live=live),
        look.account(account if account.isdigit() else "", told.meta(ACCOUNT) if told else None),
        look.label(
            told.meta(look.CONFIRMED) if told else None,
            settings.bot,
            live=live,
            on_x=(urlsplit(settings.x.base_url).hostname or "").endswith((".x.com", ".twitter.com")),
        ),
        look.screen(build.screen(settings, None, lambda _: False)),
        sound,
        look.unsettled(told, now, dry=not live),
        look.private(folder.root),
        look.disk(folder.root, mounts.read_text(encoding="utf-8") if mounts.exists() else ""),
        look.room(folder.root),
        look.clock(now, told.last_moment() if told else None),
        look.zone(settings.schedule.timezone, now.astimezone(zone), due.astimezone(zone)),
    ]


def _thorough(settings: Settings, folder: StateFolder) -> Iterator[Check]:
    from bot import build
    from bot import doctor as look
    from bot.voice import ModelVoice, promoted
    from training.library import Library

    try:
        authors = []
        if folder.library.exists():
            with translated(), Library.open(folder.library, read_only=True) as library:
                authors = library.authors()
        yield look.library(len(authors), sum(author.tweets for author in authors))
    except MynahError as error:
        yield look.Check("library", "fail", str(error), "keep the file, and import the archives again elsewhere")
    speaker: ModelVoice | ModelError | None
    try:
        current = promoted(folder.models)
        speaker = build.voice(current, settings) if current else None
    except ModelError as error:
        speaker = error
    except ModuleNotFoundError as error:
        yield look.Check("model", "fail", f"{error.name} is not installed", "pip install 'mynah-bot[speak]'")
        return
    yield look.voice(speaker, build.screen(settings, None, lambda _: False))


def _online(settings: Settings, folder: StateFolder, clock: Clock) -> Iterator[Check]:
    """One question to X, which it bills as a read of an account."""
    from email.utils import parsedate_to_datetime

    from bot import budget, build
    from bot import doctor as look
    from bot.store import Store

    price = build.prices(settings).account
    print(f"asking X whose keys these are; it costs {budget.dollars(price)}", file=sys.stderr)
    try:
        x = build.gateway(settings, clock)
    except ConfigError as error:
        yield look.Check("handle", "fail", str(error))
        return
    with x:
        try:
            found = x.me()
        except XError as error:
            sure = isinstance(error, Halted | Refused)  # of an outage the keys know nothing
            yield look.Check("handle", "fail" if sure else "warn", str(error), "" if sure else "try again later")
        else:
            if folder.history.exists():
                with Store.open(folder.history, create=False) as store:
                    ledger.spend(store, "account", price, about="mynah doctor", by_hand=True, at=clock.now())
            yield look.identity(found.handle, settings.bot)
            yield look.access(x.access_level)
        if date := x.headers.get("date"):
            yield look.clock_of_x(clock.now(), parsedate_to_datetime(date))


def _confirm(args: Namespace) -> int:
    from bot import doctor as look

    bot = loaded(args).settings.bot
    print(f"@{bot}, as people see it on X:", *look.CHECKLIST, sep="\n  - ", flush=True)
    if not args.yes and not agreed("Is all of this so?"):
        print("nothing is confirmed")
        return FAILED
    with writable(args) as store:
        store.keep_meta(look.CONFIRMED, bot)
    print(f"confirmed for @{bot}; another handle would be asked again")
    return 0
