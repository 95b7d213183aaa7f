"""`mynah web`: the page where a person sees and steers the bot, in a browser."""

from __future__ import annotations

import sys
from argparse import SUPPRESS
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.opening import loaded
from bot.errors import MynahError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    import uvicorn

    from bot.config.settings import Settings
    from bot.web.site import Site

SOCKET_MODE = 0o660  # of a Unix socket: for the group of a reverse proxy


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--listen", metavar="ADDRESS", help="HOST:PORT or the path of a Unix socket (default: web.listen)"
    )
    parser.add_argument(
        "--allow-remote", action="store_true", help="allow an address that other machines can reach, without encryption"
    )
    parser.add_argument(
        "--new-token", action="store_true", help="print a new link; the earlier one and all sign-ins end"
    )
    # For processes that mynah itself starts: end with the parent; be the process that has the model.
    parser.add_argument("--with-parent", action="store_true", help=SUPPRESS)
    parser.add_argument("--speak", action="store_true", help=SUPPRESS)


def web(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir
    from bot.web.access import Access

    settings, clock = loaded(args).settings, SystemClock()
    if args.speak:
        from bot.web.speaking import speak

        return speak(settings)
    address = _address(args, settings)
    if args.new_token:
        folder = StateDir(settings.state)
        folder.make()
        print(_link(address, settings, Access(folder, clock).new_token()))
        return 0
    from bot.listening import listen
    from bot.web import server
    from bot.web.app import application
    from bot.web.site import Site

    configure_log(settings)
    listening = listen(address, "web.listen", backlog=128, mode=SOCKET_MODE)
    bound = server.address_of(listening)
    site = Site(args, clock, cookie=f"mynah_{bound[1]}" if bound else "mynah")
    running = server.server(application(site, hosts=settings.web.hosts))
    _announce(site, bound or address)
    if args.with_parent:
        _end_with_parent(running)
    try:
        running.run(sockets=[listening])
    except KeyboardInterrupt:  # the usual end, by Ctrl-C
        pass
    finally:
        site.close()
        listening.close()
        if isinstance(address, Path):
            address.unlink(missing_ok=True)
    return 0


def configure_log(settings: Settings) -> None:
    """To standard error: standard output is for the link."""
    from bot.clock import SystemClock
    from bot.commands.run import log_lines
    from bot.running import account, log

    is_for_people = settings.log.format == "console" or (settings.log.format == "auto" and sys.stderr.isatty())
    log.configure(
        level=settings.log.level,
        stream=sys.stderr,
        secrets=account.hidden(settings),
        clock=SystemClock(),
        console=log_lines(settings, sys.stderr) if is_for_people else None,
    )


def _address(args: Namespace, settings: Settings) -> tuple[str, int] | Path:
    from bot.config.types import listen_address

    text = args.listen or settings.web.listen
    try:
        address = listen_address(text, remote=True)
        listen_address(text, remote=args.allow_remote)
    except ValueError as error:
        hint = "" if "HOST" in str(error) else "; --allow-remote allows other addresses (docs/web.md says what to know)"
        raise MynahError(f"web.listen: {error}{hint}") from error
    if address is None:
        raise MynahError('web.listen is empty: set an address, such as "127.0.0.1:8766", or pass --listen')
    return address


def _announce(site: Site, address: tuple[str, int] | Path) -> None:
    """Print the address; the first time with the token, if a person can see it and a journal does not keep it."""
    settings = site.settings
    if not site.access.has_token and sys.stdout.isatty():
        print(
            f"open this link to sign in (it is shown only once):\n  {_link(address, settings, site.access.new_token())}"
        )
    else:
        print(f"the page of @{settings.bot}: {_base(address, settings)}")
        print("lost the link, or a new device? `mynah web --new-token` prints a new one")
    sys.stdout.flush()


def _base(address: tuple[str, int] | Path, settings: Settings) -> str:
    if settings.web.hosts:
        return f"https://{settings.web.hosts[0]}"
    if isinstance(address, Path):
        return f"https://NAME (a reverse proxy in front of {address}; add the name to web.hosts)"
    host, port = address
    if ip_address(host).is_unspecified:
        host = "ADDRESS-OF-THIS-MACHINE"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _link(address: tuple[str, int] | Path, settings: Settings, token: str) -> str:
    return f"{_base(address, settings)}/signin?token={token}"


def _end_with_parent(running: uvicorn.Server) -> None:
    import threading

    def wait() -> None:
        sys.stdin.buffer.read()
        running.should_exit = True

    threading.Thread(target=wait, name="parent", daemon=True).start()
