"""Rehearse going live by hand: `python -m tests.fake_x --port 8080 [--fault NAME ...]`, and Ctrl-C to end it."""

from __future__ import annotations

import argparse
import signal
import sys
from datetime import UTC, datetime, timedelta

from tests.fake_x.faults import FAULTS
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer

ENDS = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_x", description="A small X on this machine.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--fault", action="append", default=[], choices=FAULTS, metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--new-dialect", action="store_true", help="answer with the field names of August 2026")
    parser.add_argument("--lag", type=float, default=0.0, metavar="SECONDS", help="until a post is in its timeline")
    options = parser.parse_args()
    # Blocked in every thread from here on, so that sigwait below is the only one to see them.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    user = newcomer()
    world = World(user, now=lambda: datetime.now(UTC), lag=timedelta(seconds=options.lag))
    with FakeX(world, port=options.port, new_dialect=options.new_dialect, say=_say) as x:
        x.fail_with(*options.fault)
        _say(f"export MYNAH_X__BASE_URL={x.url}\n")
        _say(f"export MYNAH_X__CONSUMER_KEY={user.secrets.consumer_key}\n")
        _say(f"export MYNAH_X__CONSUMER_SECRET={user.secrets.consumer_secret}\n")
        _say(f"export MYNAH_X__ACCESS_TOKEN={user.access_token}\n")
        _say(f"export MYNAH_X__ACCESS_TOKEN_SECRET={user.secrets.token_secret}\n")
        signal.sigwait(ENDS)


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
