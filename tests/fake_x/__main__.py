"""Try going live on this machine: `python -m tests.fake_x --user YOUR_BOT [--fault NAME ...]`; Ctrl-C ends it.

It prints a line per request and, at the end, what X would have billed.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.fake_x.faults import FAULTS
from tests.fake_x.server import FakeX
from tests.fake_x.signin import CLIENT_ID, CLIENT_SECRET
from tests.fake_x.state import User, World, newcomer

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
MILLION = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_x", description="A fake X on this machine.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--user", default="stationmynahbot", metavar="HANDLE", help="the bot's handle")
    parser.add_argument("--read-only", action="store_true", help="keys that may not write")
    parser.add_argument("--credits", type=float, metavar="DOLLARS", help="credits of the account (default: unlimited)")
    parser.add_argument("--fault", action="append", default=[], choices=FAULTS, metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--new-dialect", action="store_true", help="answer with the field names of August 2026")
    parser.add_argument("--lag", type=float, default=0.0, metavar="SECONDS", help="delay of a post in its timeline")
    options = parser.parse_args()
    # Blocked in every thread from here on, so that only sigwait below receives them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    bot = replace(newcomer(), handle=options.user, access="read" if options.read_only else "read-write")
    user = User("1400000000000000001", "stationmaster", "A person", "1400000000000000001-fake", bot.secrets)
    world = World(bot, user, now=lambda: datetime.now(UTC), lag=timedelta(seconds=options.lag))
    world.bank.credits = None if options.credits is None else round(options.credits * MILLION)
    with FakeX(world, port=options.port, new_dialect=options.new_dialect, say=_say) as x:
        x.fail_with(*options.fault)
        _say(f"export MYNAH_X__BASE_URL={x.url}\n")
        _say(f"export MYNAH_X__CONSUMER_KEY={bot.secrets.consumer_key}\n")
        _say(f"export MYNAH_X__CONSUMER_SECRET={bot.secrets.consumer_secret}\n")
        _say(f"export MYNAH_X__ACCESS_TOKEN={bot.access_token}\n")
        _say(f"export MYNAH_X__ACCESS_TOKEN_SECRET={bot.secrets.token_secret}\n")
        _say(f"# for `mynah auth` with x.auth = oauth2: client id {CLIENT_ID}, client secret {CLIENT_SECRET}\n")
        _say("# login pages accept at once: open them with curl; add &as=stationmaster for another user\n")
        signal.sigwait(STOP_SIGNALS)
    kinds = Counter(charge.kind for charge in world.bank.charges)
    charges = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or "nothing"
    _say(f"# X would bill ${world.bank.billed / MILLION:.3f}: {charges}\n")
    for error in x.broken:
        _say(f"# not as in X's OpenAPI file: {error}\n")


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
