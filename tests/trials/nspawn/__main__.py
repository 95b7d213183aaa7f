"""The units in a booted systemd: `make test-systemd`, as root on Debian. It exits with 1 if one fails.

A drop-in shortens the waits (a post every 5 s, the watchdog after 20 s, a restart after 1 s); the rest is as `mynah
install-units` leaves it. The bots post to a fake X on this machine.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.fake_x.state import World, newcomer
from tests.trials.checks import run, say, words
from tests.trials.nspawn.checks import Checks, SlowX
from tests.trials.nspawn.machine import MYNAH, Machine, machine_root, why_not

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
    names = words(__doc__)
    if reason := why_not():
        say(f"skipped: {reason}")
        return 0
    say(f"a machine in {CACHE} (the first time: a Debian is fetched)")
    root = machine_root(CACHE)
    with SlowX(World(newcomer(), now=lambda: datetime.now(UTC))) as x, Machine(root) as machine:
        checks = Checks(machine, x)
        prepare(checks)
        return run(checks, machine, unit="mynah@a", words=names)


def prepare(checks: Checks) -> None:
    from tests.talker import make

    m = checks.m
    packages = m.root / "opt/mynah/.venv/lib"
    (sample,) = packages.glob("python3*/site-packages/training/sources/sample/stationmynah.zip")
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


if __name__ == "__main__":
    sys.exit(main())
