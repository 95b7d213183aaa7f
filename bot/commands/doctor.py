"""`mynah doctor`: everything that going live needs, looked at; `ready` is its quick half, for who goes live."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.opening import FAILED, agreed, installing, is_on_x, loaded, looked_at, show, writable
from bot.errors import ConfigError, Halted, ModelError, MynahError, Refused, StoreError, XError, training_errors
from bot.history import ledger

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.running.doctor import Check
    from bot.x.payloads import Account
    from bot.x.twitter import Identity

UNITS = Path("/etc/systemd/system")
COLUMNS = ("verdict", "check", "detail", "do")
MEND_SCREEN = "put it right in [screen], or leave it out"


def doctor(args: Namespace) -> int:
    from bot.clock import SystemClock

    if args.confirm:
        return _confirm(args)
    return told(_all(args, SystemClock()), args)


def told(checks: Sequence[Check], args: Namespace) -> int:
    """All of them, and the exit code."""
    show([asdict(check) for check in checks], COLUMNS, args)
    failed = [check.check for check in checks if check.verdict == "fail"]
    if not args.json:
        print(f"not ready: {', '.join(failed)}" if failed else "ready, as far as this looked")
    return FAILED if failed else 0


def ready(settings: Settings, folder: StateDir, store: Store, clock: Clock) -> None:
    """Before the first post for real; what is dear or needs the network is left to `mynah doctor`."""
    failed = [check for check in _quick(settings, folder, store, clock) if check.verdict == "fail"]
    if failed:
        why = "".join(f"\n  {check.check}: {check.detail}; {check.do}" for check in failed)
        raise ConfigError(f"not ready to post for real, as `mynah doctor` sees it:{why}")


def _all(args: Namespace, clock: Clock) -> list[Check]:
    from bot.running import assembly
    from bot.running import doctor as look

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
        try:
            checks += ask_x(settings, assembly.identity(settings, clock), clock)[1]
        except ConfigError as error:
            checks.append(look.Check("handle", "fail", str(error)))
    return checks


def _quick(settings: Settings, folder: StateDir, store: Store | None, clock: Clock) -> list[Check]:
    from zoneinfo import ZoneInfo

    from bot.history import mentions
    from bot.running import assembly
    from bot.running import doctor as look
    from bot.running.units import shipped
    from bot.sending.reconcile import ACCOUNT

    now, live = clock.now(), settings.live
    sound = look.history(store)
    kept = store if sound.verdict == "ok" else None  # a damaged one is asked nothing else
    zone = ZoneInfo(settings.schedule.timezone)
    due = assembly.schedule(settings, None).next(now).due
    mounts = Path("/proc/self/mountinfo")
    return [
        *_credentials(settings, kept.meta(ACCOUNT) if kept else None),
        look.label(
            kept.meta(look.CONFIRMED) if kept else None,
            settings.bot,
            live=live,
            on_x=is_on_x(settings),
        ),
        _screen(settings),
        sound,
        look.unsettled(kept, now, dry=not live),
        look.private(folder.root),
        look.owner(folder.root),
        look.units(folder.root, settings.bot, system=UNITS, shipped=shipped()),
        look.disk(folder.root, mounts.read_text(encoding="utf-8") if mounts.exists() else ""),
        look.room(folder.root),
        look.replies(
            settings.replies.standing(live=live),
            enabled=settings.replies.enabled,
            unreadable=mentions.counts(kept).get("unreadable", 0) if kept else 0,
        ),
        look.clock(now, kept.last_moment() if kept else None),
        look.zone(settings.schedule.timezone, now.astimezone(zone), due.astimezone(zone)),
    ]


def _screen(settings: Settings) -> Check:
    """With the operator's lists, and without the classifier: that takes a while to load."""
    from bot.running import assembly
    from bot.running import doctor as look
    from bot.screen.operator_lists import Rules, lists
    from bot.voice.model_voice import ModelMemory

    try:
        own = Rules(lists(settings.screen))
    except ConfigError as error:
        return look.Check("screen", "fail", str(error), MEND_SCREEN)
    return look.screen(assembly.screen(settings, None, ModelMemory(), rules=own))


def _thorough(settings: Settings, folder: StateDir) -> Iterator[Check]:
    from bot.running import assembly
    from bot.running import doctor as look
    from bot.voice.model_voice import ModelMemory, ModelVoice, promoted
    from training.library.library import Library

    try:
        authors = []
        if folder.library.exists():
            with training_errors(), Library.open(folder.library, read_only=True) as library:
                authors = library.authors()
        yield look.library(len(authors), sum(author.tweets for author in authors))
    except MynahError as error:
        yield look.Check("library", "fail", str(error), "keep the file, and import the archives again elsewhere")
    speaker: ModelVoice | ModelError | None
    try:
        current = promoted(folder.models)
        speaker = assembly.voice(current, settings) if current else None
    except ModelError as error:
        speaker = error
    except ModuleNotFoundError as error:
        if (how := installing(error)) is None:
            raise
        yield look.Check("model", "fail", f"{error.name} is not installed", how)
        return
    engine = speaker.engine if isinstance(speaker, ModelVoice) else ""
    try:
        yield look.voice(speaker, assembly.screen(settings, None, ModelMemory()), engine)
    except MynahError as error:
        yield look.Check("model", "fail", f"nothing can judge what it says: {error}", MEND_SCREEN)


def _credentials(settings: Settings, of_history: str | None) -> Iterator[Check]:
    from bot.running import assembly
    from bot.running import doctor as look

    yield look.keys(assembly.lacking(settings), live=settings.live)
    try:
        if settings.x.auth == "oauth2":
            yield look.login(assembly.login(settings).read(), live=settings.live)
        yield look.account(assembly.account(settings), of_history)
    except ConfigError as error:
        yield look.Check("login", "fail", str(error), "put it right, or log in again with `mynah auth`")


def ask_x(settings: Settings, identity: Identity, clock: Clock) -> tuple[Account | None, list[Check]]:
    """One question, which X bills as a read of an account: who that is, where X answers, and what is to be said."""
    from email.utils import parsedate_to_datetime

    from bot.running import assembly
    from bot.running import doctor as look
    from bot.sending import budget
    from bot.x.twitter import X

    price = assembly.prices(settings).account
    print(f"asking X whose keys these are; it costs {budget.dollars(price)}", file=sys.stderr)
    found, checks = None, []
    with X(identity, now=clock.now, base_url=settings.x.base_url) as x:
        try:
            found = x.me()
        except XError as error:
            sure = isinstance(error, Halted | Refused)  # of an outage the keys know nothing
            do = "`mynah auth` makes new ones" if sure else "try again later"
            checks.append(look.Check("handle", "fail" if sure else "warn", str(error), do))
        else:
            _write_down(settings, price, clock)
            checks = [look.identity(found.handle, settings.bot), look.access(x.access_level)]
            checks.append(look.profile(found, settings.bot))
        if date := x.headers.get("date"):
            with suppress(ValueError):  # what is no date tells nothing about the clock
                checks.append(look.clock_of_x(clock.now(), parsedate_to_datetime(date).replace(tzinfo=UTC)))
    return found, checks


def _write_down(settings: Settings, price: int, clock: Clock) -> None:
    """For `mynah spend`, where there is a history to write into."""
    from bot.config.state_dir import StateDir
    from bot.history.store import Store

    history = StateDir(settings.state).history
    if history.exists():
        with Store.open(history, create=False) as store:
            ledger.spend(store, "account", price, about="whose keys these are", by_hand=True, at=clock.now())


def _confirm(args: Namespace) -> int:
    from bot.running import doctor as look

    bot = loaded(args).settings.bot
    print(f"@{bot}, as people see it on X:", *look.CHECKLIST, sep="\n  - ", flush=True)
    if not args.yes and not agreed("Is all of this so?"):
        print("nothing is confirmed")
        return FAILED
    with writable(args) as store:
        store.keep_meta(look.CONFIRMED, bot)
    print(f"confirmed for @{bot}; another handle would be asked again")
    return 0
