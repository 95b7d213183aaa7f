"""`mynah auth`: logs in to X on the terminal and stores the keys in files that only their owner can read."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from bot.commands import arguments
from bot.commands.console.terminal import hint, say, warn
from bot.commands.doctor import ask_x, report
from bot.commands.opening import loaded
from bot.errors import MynahError, WrongPin

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.x.payloads import Account
    from bot.x.signin import Pin, SignedIn
    from bot.x.tokens import Grant
    from bot.x.twitter import Identity
    from bot.x.wire import Wire

HIDDEN = " (not echoed)"
TRIES = 3  # for the PIN, which is copied by hand


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only ask X whose keys these are; X bills this as a read")
    arguments.add_json(parser)


def auth(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.config import load
    from bot.config.state_dir import expanded
    from bot.running import account, assembly
    from bot.sending import budget
    from bot.x.wire import Wire

    clock = SystemClock()
    if args.check:
        settings = loaded(args).settings
        return report(ask_x(settings, account.identity(settings, clock), clock)[1], args)
    settings = loaded(args, keyless=True).settings
    keys_dir = expanded(settings.x.keys).absolute() if settings.x.keys else load.config_folder(args.config) / "keys"
    say(
        f"Logging in as @{settings.bot} at {settings.x.base_url}. Nothing is stored until X has confirmed whose login "
        f"it is, which costs {budget.dollars(assembly.prices(settings).account)}.",
    )
    with closing(Wire(settings.x.base_url)) as wire:
        log_in = _log_in_by_pin if settings.x.auth == "oauth1" else _log_in_by_address
        files = log_in(settings, keys_dir, wire, clock)
    say(f"stored, readable only by you: {', '.join(map(str, files))}")
    if settings.x.keys is None and any(path.parent == keys_dir for path in files):
        say(f'add this under [x] in the configuration:\nkeys = "{keys_dir}"')
    hint("`mynah doctor --confirm` once, then `mynah doctor`", sys.stdout)
    return 0


def _log_in_by_pin(settings: Settings, keys_dir: Path, wire: Wire, clock: Clock) -> list[Path]:
    """OAuth 1.0a: keys that do not expire."""
    from dataclasses import asdict

    from bot.x import signin
    from bot.x.tokens import keep

    typed = _ask_for_missing(settings, ("consumer_key", "consumer_secret"))
    consumer = typed["consumer_key"], typed["consumer_secret"]
    pin = signin.ask_for_pin(wire, *consumer)
    say(
        f"Open this address in a browser that is signed in to x.com as @{settings.bot}, and authorize the app:\n"
        f"{pin.address}",
    )
    login = _typed_pin(wire, consumer, pin)
    _check(settings, login.keys, login.handle, clock)
    keys = {name: value for name, value in asdict(login.keys).items() if _must_keep(settings, name)}
    for name, value in keys.items():
        keep(keys_dir / name, f"{value}\n")
    return [keys_dir / name for name in keys]


def _typed_pin(wire: Wire, consumer: tuple[str, str], pin: Pin) -> SignedIn:
    """Log in with the PIN that a person types; a mistyped one may be typed again, on a terminal."""
    from bot.x import signin

    for left in reversed(range(TRIES if sys.stdin.isatty() else 1)):
        number = _read_line("the PIN that X shows")
        try:
            return signin.keys_for(wire, *consumer, pin, number)
        except WrongPin as error:
            if not left:
                raise
            warn(f"{error}. Type it again")
    raise AssertionError("the last try returns or raises")


def _log_in_by_address(settings: Settings, keys_dir: Path, wire: Wire, clock: Clock) -> list[Path]:
    """OAuth 2.0: a token that lasts two hours, which the bot renews."""
    from dataclasses import replace

    from bot.config.owner import as_owner
    from bot.config.state_dir import StateDir
    from bot.running import account
    from bot.x import signin
    from bot.x.bearer import JustLoggedIn
    from bot.x.tokens import keep

    redirect = signin.check_redirect(settings.x.redirect)
    typed = _ask_for_missing(settings, ("client_id", "client_secret"), may_be_empty="client_secret")
    client = signin.Client(typed["client_id"], typed["client_secret"])
    request = signin.ask_for_code(wire, client, redirect)
    say(
        f"Open this address in a browser that is signed in to x.com as @{settings.bot}, and authorize the app. The "
        f"browser is then sent to {redirect}, where no page loads: copy its address within half a minute.\n"
        f"{request.address}",
    )
    code = signin.code_in(_read_line("the whole address that the browser was sent to"), request)
    grant: Grant = signin.log_in(wire, client, request, code, now=clock.now())
    if owner := _check(settings, JustLoggedIn(grant), "", clock):
        grant = replace(grant, account=owner.id, handle=owner.handle)
    file = account.login(settings)
    folder = StateDir(settings.state)
    with as_owner(folder.root):
        folder.make()
        with file.lock():
            file.keep(grant)
    keys = {name: value for name, value in typed.items() if value and _must_keep(settings, name)}
    for name, value in keys.items():
        keep(keys_dir / name, f"{value}\n")
    return [*(keys_dir / name for name in keys), file.path]


def _check(settings: Settings, identity: Identity, handle: str, clock: Clock) -> Account | None:
    """Return the account, or None during an outage of X. Raises if it is the wrong account or may not write."""
    from bot.running import doctor

    account, checks = ask_x(settings, identity, clock)
    if account is None and handle:  # X returned the handle along with the keys
        checks.append(doctor.identity(handle, settings.bot))
    lines = [f"{check.check}: {check.detail}" + (f"; {check.do}" if check.do else "") for check in checks]
    if any(check.verdict == "fail" for check in checks):
        raise MynahError("\n  ".join(["nothing is stored:", *lines]))
    say("\n".join(lines))
    return account


def _must_keep(settings: Settings, name: str) -> bool:
    """Whether a secret has to be stored: an access token always, an app's key only if it is not configured yet."""
    from bot.running import account

    return name not in account.secrets(settings) or name.startswith("access_token")


def _ask_for_missing(settings: Settings, names: tuple[str, ...], *, may_be_empty: str = "") -> dict[str, str]:
    """Return the configured keys, and ask for the missing ones without echoing what is typed."""
    from bot.running import account

    configured = account.secrets(settings)
    return {
        name: configured.get(name) or _read_line(f"{name} of the app{HIDDEN}", hidden=True, empty=name == may_be_empty)
        for name in names
    }


def _read_line(what: str, *, hidden: bool = False, empty: bool = False) -> str:
    from getpass import getpass

    question = f"{what}{', or nothing' if empty else ''}: "
    try:
        if sys.stdin.isatty():
            text = getpass(question) if hidden else input(question)
        else:  # a program answers
            print(question, flush=True)
            text = sys.stdin.readline()
    except EOFError:
        text = ""
    if not text.strip() and not empty:
        raise MynahError(f"{what.removesuffix(HIDDEN)}: nothing was entered, so nothing is stored")
    if not text.strip().isprintable():
        raise MynahError(f"{what.removesuffix(HIDDEN)}: it contains invisible characters; copy it again")
    return text.strip()
