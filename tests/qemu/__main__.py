"""What a container cannot enforce of the units, in QEMU: `make test-qemu`, as root on Debian; a line a check.

Exit 1 where one fails. With words behind it, only what has one of them in its name is tried.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.nspawn.__main__ import passes, say
from tests.qemu.checks import BOT, CONFIG, Checks
from tests.qemu.emulator import why_not
from tests.qemu.machine import MYNAH, Machine, furnished

CACHE = Path(os.environ.get("MYNAH_POWER", "/var/tmp/mynah-power"))


def main() -> int:
    if reason := why_not():
        say(f"skipped: {reason}")
        return 0
    say(f"a machine in {CACHE} (the first time: a Debian is fetched)")
    image = furnished(CACHE)
    failed = 0
    with Machine(CACHE, image, accelerator=os.environ.get("MYNAH_ACCELERATOR", "tcg")) as machine:
        checks = Checks(machine)
        say(machine(str(MYNAH), "install-units", "--bot", "a").splitlines()[0])
        machine("cp", "-a", "/srv/models", "/var/lib/mynah/a/models")
        machine.write("/etc/mynah/a/config.toml", CONFIG)
        machine.write("/etc/systemd/system/mynah@a.service.d/test.conf", BOT)
        machine("systemctl", "daemon-reload")
        for name in vars(Checks):
            if not name.startswith("_") and (len(sys.argv) == 1 or any(word in name for word in sys.argv[1:])):
                failed += not passes(name.replace("_", " "), getattr(checks, name))
        if failed:
            say(machine.journal("-u", "mynah*", "-n", "40"))
    say(f"{failed} failed" if failed else "all hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
