"""`mynah doctor`: checks everything that going live needs. `mynah run --live` runs the quick checks, by `ready`.

The file is long because it gathers what each check looks at.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands import arguments
from bot.commands.console.keyboard import confirm
from bot.commands.console.output import show
from bot.commands.console.terminal import hint, say
from bot.commands.opening import (
    FAILED,
    existing_history,
    history_to_read,
    history_to_write,
    how_to_install,
    is_on_x,
    library_to_read,
    loaded,
    record_expense,
)
from bot.commands.setup import engine
from bot.errors import ConfigError, Halted, ModelError, MynahError, Refused, StoreError, XError, training_errors

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.running.doctor import Check
    from bot.x.payloads import Account
    from bot.x.twitter import Identity

UNITS = Path("/etc/systemd/system")
COLUMNS = ("verdict", "check", "detail")
FIX_SCREEN = "fix or remove this setting in [screen]"


def add_arguments(parser: ArgumentParser) -> None:
    arguments.add_live(parser, dry="check as for a dry run", live="check as for posting for real")
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--quick", action="store_true", help="skip the model and the network, as `run --live` does")
    depth.add_argument("--online", action="store_true", help="also ask X whose keys these are; X bills this as a read")
    parser.add_argument("--confirm", action="store_true", help="confirm once that the account is labelled as a bot")
    arguments.add_yes(parser, "with --confirm: do not ask")
    arguments.add_json(parser)


def doctor(args: Namespace) -> int:
    from bot.clock import SystemClock

    if args.confirm:
        return _confirm(args)
    return report(_all(args, SystemClock()), args)


def report(results: Sequence[Check], args: Namespace) -> int:
    """Prints all results; gives the exit code."""
    rows = [asdict(result) for result in results]
    if not args.json:  # what to do is below what is wrong: a column of its own would mostly be empty
        rows = [row | {"detail": "\n→ ".join(filter(None, (row["detail"], row["do"])))} for row in rows]
    show(rows, COLUMNS, args, heading=2)
    failed = [result.check for result in results if result.verdict == "fail"]
    if not args.json:
        say(f"not ready: {', '.join(failed)}" if failed else "ready, as far as these checks go")
        if not failed:
            hint("`mynah run` shows what it would post; for `mynah run --live`, every check must be ok")
    return FAILED if failed else 0


def ready(settings: Settings, folder: StateDir, store: Store, clock: Clock) -> None:
    """Raises if a check fails. Slow checks and the network are left to `mynah doctor`."""
    failed = [result for result in _quick(settings, folder, store, clock) if result.verdict == "fail"]
    if failed:
        why = "".join(f"\n  {result.check}: {result.detail}; {result.do}" for result in failed)
        raise ConfigError(f"not ready to post for real; `mynah doctor` reports:{why}")


def _all(args: Namespace, clock: Clock) -> list[Check]:
    from bot.running import account
    from bot.running import doctor as checks

    try:
        settings = loaded(args).settings
    except ConfigError as error:
        return [checks.Check("configuration", "fail", str(error), "fix each error, then run `mynah config --check`")]
    results = [checks.Check("configuration", "ok", "live" if settings.live else "dry run")]
    try:
        folder, store = history_to_read(settings)
    except StoreError as error:
        return [*results, checks.Check("history", "fail", str(error), "see docs/operating.md")]
    results += _quick(settings, folder, store, clock, whole=not args.quick)
    if not args.quick:
        results += _thorough(settings, folder)
    if args.online:
        try:
            results += ask_x(settings, account.identity(settings, clock), clock)[1]
        except ConfigError as error:
            results.append(checks.Check("handle", "fail", str(error)))
    return results


def _quick(
    settings: Settings, folder: StateDir, store: Store | None, clock: Clock, *, whole: bool = False
) -> list[Check]:
    """`whole`: read all of a large history, which takes minutes; each backup does so too."""
    from zoneinfo import ZoneInfo

    from bot.history import mentions
    from bot.running import assembly
    from bot.running import doctor as checks
    from bot.running.units import shipped
    from bot.sending.reconcile import ACCOUNT

    now, live = clock.now(), settings.live
    history = checks.history(store, whole=whole)
    sound = store if history.verdict == "ok" else None  # a damaged history is not read any further
    zone = ZoneInfo(settings.schedule.timezone)
    due = assembly.schedule(settings, None).next(now).due
    mounts = Path("/proc/self/mountinfo")
    return [
        *_credentials(settings, sound.meta(ACCOUNT) if sound else None),
        checks.label(
            sound.meta(checks.CONFIRMED) if sound else None,
            settings.bot,
            sound.meta(checks.UNLABELLED) if sound else None,
            live=live,
            on_x=is_on_x(settings),
        ),
        engine.check(settings, folder),
        _screen(settings),
        history,
        checks.unsettled(sound, now, dry=not live),
        *_privacy(settings, folder),
        checks.owner(folder.root, live=live),
        *_memory(folder, sound.meta(checks.CONFIRMED_LANGUAGES) if sound else None, live=live),
        checks.units(folder.root, settings.bot, system=UNITS, shipped=shipped()),
        checks.disk(folder.root, mounts.read_text(encoding="utf-8") if mounts.exists() else ""),
        checks.room(folder.root),
        checks.replies(
            settings.replies.standing(live=live),
            enabled=settings.replies.enabled,
            unreadable=mentions.counts(sound).get("unreadable", 0) if sound else 0,
        ),
        checks.clock(now, sound.last_moment() if sound else None),
        checks.zone(settings.schedule.timezone, now.astimezone(zone), due.astimezone(zone)),
    ]


def _privacy(settings: Settings, state_dir: StateDir) -> Iterator[Check]:
    """Of the state folder, and of the folder of the keys where there is one."""
    import os

    from bot.config.owner import why_unsafe
    from bot.config.state_dir import expanded
    from bot.running import doctor as checks

    owners = {0, os.geteuid()}
    folders = [state_dir.root, *([expanded(settings.x.keys).absolute()] if settings.x.keys else [])]
    for folder in folders:
        unsafe = why_unsafe(folder, owners=owners) if folder.exists() else ""
        yield checks.private(folder, unsafe, live=settings.live)


def _memory(state_dir: StateDir, confirmed: str | None, *, live: bool) -> Iterator[Check]:
    """Of the current model; what else may be wrong with the model is not checked here."""
    from bot.running import doctor as checks
    from bot.screen import harm
    from bot.voice.model_voice import ModelMemory, promoted

    with suppress(ModelError):
        if current := promoted(state_dir.models):
            memory = ModelMemory.open(current)
            yield checks.memory(memory.locked, is_open_to_all=memory.is_open_to_all, live=live)
            yield checks.languages(memory.languages, harm.foreign_lists(), confirmed, live=live)


def _screen(settings: Settings) -> Check:
    """With the operator's lists but without the classifier, which is slow to load."""
    from bot.running import assembly
    from bot.running import doctor as checks
    from bot.screen.operator_lists import Rules, lists
    from bot.voice.model_voice import ModelMemory

    try:
        rules = Rules(lists(settings.screen))
    except ConfigError as error:
        return checks.Check("screen", "fail", str(error), FIX_SCREEN)
    return checks.screen(assembly.screen(settings, None, ModelMemory(), rules=rules))


def _thorough(settings: Settings, folder: StateDir) -> Iterator[Check]:
    from bot.running import assembly
    from bot.running import doctor as checks
    from bot.voice.model_voice import ModelMemory, ModelVoice, promoted

    try:
        with training_errors(), library_to_read(folder) as library:
            authors = library.authors() if library else []
        yield checks.library(len(authors), sum(author.tweets for author in authors))
    except MynahError as error:
        yield checks.Check(
            "library", "fail", str(error), "keep the file, and import the archives again with another --state"
        )
    voice: ModelVoice | ModelError | None
    try:
        current = promoted(folder.models)
        voice = assembly.voice(current, settings) if current else None
    except ModelError as error:
        voice = error
    except ModuleNotFoundError as error:
        if how_to_install(error) is None:
            raise
        return  # the check of the engine says what to install
    loaded_by = voice.engine if isinstance(voice, ModelVoice) else ""
    try:
        yield checks.voice(voice, assembly.screen(settings, None, ModelMemory()), loaded_by)
    except MynahError as error:
        yield checks.Check("model", "fail", f"its drafts cannot be screened: {error}", FIX_SCREEN)


def _credentials(settings: Settings, of_history: str | None) -> Iterator[Check]:
    from bot.running import account
    from bot.running import doctor as checks

    yield checks.keys(account.lacking(settings), live=settings.live)
    try:
        if settings.x.auth == "oauth2":
            yield checks.login(account.login(settings).read(), live=settings.live)
        yield checks.account(account.account_id(settings), of_history)
    except ConfigError as error:
        yield checks.Check("login", "fail", str(error), "fix it, or log in again with `mynah auth`")


def ask_x(settings: Settings, identity: Identity, clock: Clock) -> tuple[Account | None, list[Check]]:
    """Asks X whose keys these are, which X bills as a read of an account. Gives the account, if X answers."""
    from email.utils import parsedate_to_datetime

    from bot.config.owner import as_owner
    from bot.config.state_dir import StateDir
    from bot.running import assembly
    from bot.running import doctor as checks
    from bot.sending import budget
    from bot.x.twitter import X

    price = assembly.prices(settings).account
    say(f"asking X whose keys these are; this costs {budget.dollars(price)}", stream=sys.stderr)
    owner, results = None, []
    with X(identity, now=clock.now, base_url=settings.x.base_url) as x:
        try:
            owner = x.me()
        except XError as error:
            sure = isinstance(error, Halted | Refused)  # an outage says nothing about the keys
            do = "`mynah auth` gets new keys" if sure else "try again later"
            results.append(checks.Check("handle", "fail" if sure else "warn", str(error), do))
        else:
            folder, about = StateDir(settings.state), "whose keys these are"
            with as_owner(folder.root):
                record_expense(folder, "account", price, about=about, at=clock.now())
            results = [checks.identity(owner.handle, settings.bot), checks.access(x.access_level)]
            profile = checks.profile(owner, settings.bot, live=settings.live and is_on_x(settings))
            with as_owner(folder.root), existing_history(folder) as store:
                if store:  # so that a bot without a label does not start either
                    store.keep_meta(checks.UNLABELLED, "" if profile.verdict == "ok" else profile.detail)
            results.append(profile)
        if date := x.headers.get("date"):
            with suppress(ValueError):  # not a date: it says nothing about the clock
                results.append(checks.clock_of_x(clock.now(), parsedate_to_datetime(date).replace(tzinfo=UTC)))
    return owner, results


def _confirm(args: Namespace) -> int:
    from bot.config.state_dir import StateDir
    from bot.running import doctor as checks

    settings = loaded(args).settings
    bot, without = settings.bot, _without_list(StateDir(settings.state))
    checklist = [*checks.CHECKLIST]
    if without:
        checklist.append(f"you read its drafts in {', '.join(without)}: the screen has no list of words in them")
    say("\n  - ".join([f"Check @{bot} as people see it on X:", *checklist]))
    if not args.yes and not confirm("Is all of this true?"):
        say("not confirmed")
        return FAILED
    with history_to_write(args) as store:
        store.keep_meta(checks.CONFIRMED, bot)
        store.keep_meta(checks.CONFIRMED_LANGUAGES, " ".join(without))
    say(f"confirmed for @{bot}; another handle needs its own confirmation")
    return 0


def _without_list(state_dir: StateDir) -> list[str]:
    """The languages of the current model that the screen has no word list for."""
    from bot.screen import harm
    from bot.voice.model_voice import ModelMemory, promoted

    with suppress(ModelError):
        if current := promoted(state_dir.models):
            listed = {"en", *harm.foreign_lists()}
            return [code for code in ModelMemory.open(current).languages if code not in listed]
    return []
