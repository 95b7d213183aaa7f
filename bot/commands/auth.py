"""`mynah auth`: a login at X on the terminal, and its keys in files of their owner's. It shows no secret."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from bot.commands import arguments
from bot.commands.doctor import ask_x, told
from bot.commands.opening import loaded
from bot.errors import MynahError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.x.payloads import Account
    from bot.x.tokens import Grant
    from bot.x.twitter import Identity
    from bot.x.wire import Wire


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only ask X whose keys these are; X bills it as a read")
    arguments.add_json(parser)


def auth(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.config import load
    from bot.config.state_dir import expanded
    from bot.running import assembly
    from bot.sending import budget
    from bot.x.wire import Wire

    clock = SystemClock()
    if args.check:
        settings = loaded(args).settings
        return told(ask_x(settings, assembly.identity(settings, clock), clock)[1], args)
    settings = loaded(args, keyless=True).settings
    place = expanded(settings.x.keys).absolute() if settings.x.keys else load.beside(args.config) / "keys"
    print(
        f"The login of @{settings.bot} at {settings.x.base_url}. At its end X is asked whose it is, which costs "
        f"{budget.dollars(assembly.prices(settings).account)}. Nothing is kept before that.",
        flush=True,
    )
    with closing(Wire(settings.x.base_url)) as wire:
        by = _by_pin if settings.x.auth == "oauth1" else _by_address
        kept = by(settings, place, wire, clock)
    print(f"kept, for its owner alone: {', '.join(map(str, kept))}")
    if settings.x.keys is None and any(path.parent == place for path in kept):
        print(f'put this under [x] in the configuration:\nkeys = "{place}"')
    print("then: `mynah doctor --confirm`, once, and `mynah doctor`")
    return 0


def _by_pin(settings: Settings, place: Path, wire: Wire, clock: Clock) -> list[Path]:
    """OAuth 1.0a: keys that do not grow old."""
    from dataclasses import asdict

    from bot.x import signin
    from bot.x.tokens import keep

    typed = _typed(settings, ("consumer_key", "consumer_secret"))
    consumer = typed["consumer_key"], typed["consumer_secret"]
    pin = signin.ask_for_pin(wire, *consumer)
    print(f"Open this where you are signed in on x.com as @{settings.bot}, and allow it:\n{pin.address}", flush=True)
    found = signin.keys_for(wire, *consumer, pin, _line("the PIN that X shows"))
    _check(settings, found.keys, found.handle, clock)
    wanted = {name: value for name, value in asdict(found.keys).items() if _must_keep(settings, name)}
    for name, value in wanted.items():
        keep(place / name, f"{value}\n")
    return [place / name for name in wanted]


def _by_address(settings: Settings, place: Path, wire: Wire, clock: Clock) -> list[Path]:
    """OAuth 2.0: a token for two hours, which the bot renews by itself."""
    from dataclasses import replace

    from bot.config.state_dir import StateDir
    from bot.running import assembly
    from bot.x import signin
    from bot.x.bearer import JustLoggedIn
    from bot.x.tokens import keep

    redirect = signin.checked_redirect(settings.x.redirect)
    typed = _typed(settings, ("client_id", "client_secret"), may_be_empty="client_secret")
    client = signin.Client(typed["client_id"], typed["client_secret"])
    wanted = signin.ask_for_code(wire, client, redirect)
    print(
        f"Open this where you are signed in on x.com as @{settings.bot}, and allow it. The browser then goes to "
        f"{redirect}, where nobody listens: copy its address within half a minute.\n{wanted.address}",
        flush=True,
    )
    code = signin.code_in(_line("the whole address that the browser went to"), wanted)
    grant: Grant = signin.logged_in(wire, client, wanted, code, now=clock.now())
    if found := _check(settings, JustLoggedIn(grant), "", clock):
        grant = replace(grant, account=found.id, handle=found.handle)
    file = assembly.login(settings)
    StateDir(settings.state).make()
    with file.lock():
        file.keep(grant)
    new = {name: value for name, value in typed.items() if value and _must_keep(settings, name)}
    for name, value in new.items():
        keep(place / name, f"{value}\n")
    return [*(place / name for name in new), file.path]


def _check(settings: Settings, identity: Identity, handle: str, clock: Clock) -> Account | None:
    """Whose it is, as far as X says; keys of another or that may not write are not kept. An outage is no refusal."""
    from bot.running import doctor

    found, checks = ask_x(settings, identity, clock)
    if found is None and handle:  # X has said it before
        checks.append(doctor.identity(handle, settings.bot))
    lines = [f"{check.check}: {check.detail}" + (f"; {check.do}" if check.do else "") for check in checks]
    if any(check.verdict == "fail" for check in checks):
        raise MynahError("\n  ".join(["nothing is kept:", *lines]))
    print(*lines, sep="\n")
    return found


def _must_keep(settings: Settings, name: str) -> bool:
    """What the app is known by may be configured already, and not in a file."""
    from bot.running import assembly

    return name not in assembly.secrets(settings) or name.startswith("access_token")


def _typed(settings: Settings, names: tuple[str, ...], *, may_be_empty: str = "") -> dict[str, str]:
    """What is configured, and for the rest what a person types, unseen."""
    from bot.running import assembly

    found = assembly.secrets(settings)
    return {
        name: found.get(name) or _line(f"{name} of the app, unseen", hidden=True, empty=name == may_be_empty)
        for name in names
    }


def _line(what: str, *, hidden: bool = False, empty: bool = False) -> str:
    from getpass import getpass

    question = f"{what}{', or nothing' if empty else ''}: "
    try:
        if sys.stdin.isatty():
            text = getpass(question) if hidden else input(question)
        else:  # a program at the other end
            print(question, flush=True)
            text = sys.stdin.readline()
    except EOFError:
        text = ""
    if not text.strip() and not empty:
        raise MynahError(f"{what.removesuffix(', unseen')}: nothing was typed, so nothing is kept")
    if not text.strip().isprintable():
        raise MynahError(f"{what}: there are characters in it that cannot be seen; copy it again")
    return text.strip()
