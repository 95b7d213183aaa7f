"""The units in a booted systemd: `make test-systemd`, as root on Debian; a line a check, exit 1 where one fails.

Waits are shortened by a drop-in (a slot each 5 s, the watchdog after 20 s, the next start after 1 s); all else is as
`mynah install-units` leaves it. The bots speak for real to a fake X on this machine. With words
behind it, only what has one of them in its name is tried.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fake_x.state import World, newcomer
from tests.nspawn.checks import Checks, SlowX
from tests.nspawn.machine import MYNAH, Machine, furnished, why_not

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE = Path(os.environ.get("MYNAH_NSPAWN", "/var/tmp/mynah-nspawn"))
DROP_IN = f"""[Unit]
StartLimitBurst=100
[Service]
ExecStart=
ExecStart={MYNAH} --config /etc/mynah/%i/config.toml --state /var/lib/mynah/%i run --every 5s
WatchdogSec=20s
RestartSec=1s
Environment=OMP_NUM_THREADS=1
"""


def main() -> int:
    if reason := why_not():
        say(f"skipped: {reason}")
        return 0
    say(f"a machine in {CACHE} (the first time: a Debian is fetched)")
    root = furnished(CACHE)
    failed = 0
    with SlowX(World(newcomer(), now=lambda: datetime.now(UTC))) as x, Machine(root) as machine:
        checks = Checks(machine, x)
        prepare(checks)
        for name in vars(Checks):
            if not name.startswith("_") and (len(sys.argv) == 1 or any(word in name for word in sys.argv[1:])):
                failed += not passes(name.replace("_", " "), getattr(checks, name))
        if failed:
            say(machine.journal("-u", "mynah@a", "-n", "40"))
    say(f"{failed} failed" if failed else "all hold")
    return 1 if failed else 0


def prepare(checks: Checks) -> None:
    from tests.talker import make

    m = checks.m
    (sample,) = (m.root / "opt/mynah/.venv/lib").glob("python3*/site-packages/training/sample/stationmynah.zip")
    sample = Path("/") / sample.relative_to(m.root)
    for bot in "abc":
        say(m(str(MYNAH), "install-units", "--bot", bot).splitlines()[0])
        checks.config(bot)
        checks.keys(bot)
        checks.mynah(bot, "import", str(sample))
    models = make(m.root / "srv/talker")
    for bot in "abc":
        m("cp", "-a", f"/srv/talker/{models.name}", f"/var/lib/mynah/{bot}/models")
    m.write("/etc/systemd/system/mynah@.service.d/test.conf", DROP_IN)
    m("systemctl", "daemon-reload")


def passes(name: str, check: Callable[[], str]) -> bool:
    began = time.monotonic()
    try:
        told = check()
    except Exception as error:  # noqa: BLE001  the next check is tried all the same
        say(f"FAIL  {name}: {str(error) or traceback.format_exc()[-600:]}")
        return False
    say(f"ok    {name}: {told} [{timedelta(seconds=round(time.monotonic() - began))}]")
    return True


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
