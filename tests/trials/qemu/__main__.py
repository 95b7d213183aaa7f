"""Checks in QEMU of what a container cannot enforce of the units: `make test-qemu`, as root on Debian.

It prints a line per check, and exits with 1 if one fails.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.trials.checks import run, say, words
from tests.trials.qemu.checks import BOT, CONFIG, Checks
from tests.trials.qemu.emulator import why_not
from tests.trials.qemu.machine import MYNAH, Machine, disk_image

CACHE = Path(os.environ.get("MYNAH_POWER", "/var/tmp/mynah-power"))


def main() -> int:
    names = words(__doc__)
    if reason := why_not():
        say(f"skipped: {reason}")
        return 0
    say(f"a machine in {CACHE} (the first time: a Debian is fetched)")
    image = disk_image(CACHE)
    with Machine(CACHE, image, accelerator=os.environ.get("MYNAH_ACCELERATOR", "tcg")) as machine:
        checks = Checks(machine)
        say(machine(str(MYNAH), "install-units", "--bot", "a").splitlines()[0])
        machine("cp", "-a", "/srv/models", "/var/lib/mynah/a/models")
        machine.write("/etc/mynah/a/config.toml", CONFIG)
        machine.write("/etc/systemd/system/mynah@a.service.d/test.conf", BOT)
        machine("systemctl", "daemon-reload")
        return run(checks, machine, unit="mynah*", words=names)


if __name__ == "__main__":
    sys.exit(main())
