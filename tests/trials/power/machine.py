"""The machine whose power is cut, and its disk, which survives the cuts."""

from __future__ import annotations

import shutil
from compileall import compile_dir
from hashlib import sha256
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import TYPE_CHECKING

from tests.trials import debian
from tests.trials.power import disk
from tests.trials.qemu import emulator

if TYPE_CHECKING:
    import random

FIRST = "/sbin/mynah-power"
# The first process: the program's own disk and the one that is written to; all that is said goes to the second line.
# What the kernel was told and does not know (`power=`, `first=`) comes to it as variables.
SCRIPT = """#!/bin/sh
exec >/dev/ttyS1 2>&1
mount -t proc proc /proc
mount -t ext4 -o ro /dev/vdb /opt
mount -t ext4 /dev/vdc /srv
export PYTHONPATH=/opt/packages:/opt
python3 -m tests.trials.power.guest /srv/history.db $power
echo ended
exec sleep 1000
"""


class System:
    """What machines share, and only read: the kernel, the system, made once, and the program, made anew each time."""

    def __init__(self, cache: Path) -> None:
        base = debian.base(cache, *emulator.KERNEL)
        (self.kernel,) = base.glob("boot/vmlinuz-*")
        self.finder = emulator.finder(base)
        self.system = cache / f"system-{sha256(SCRIPT.encode()).hexdigest()[:8]}.img"
        if not self.system.exists():
            emulator.script(base / FIRST.lstrip("/"), SCRIPT)
            emulator.image(self.system, "1500M", base)
        self.program = cache / "program.img"
        emulator.image(self.program, "32M", program(cache / "program"))


class Machine:
    """One of them, with a disk that outlives its cuts."""

    def __init__(self, system: System, folder: Path, *, accelerator: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = folder.name
        self._system = system
        self._accelerator = accelerator
        self.disk = folder / "disk.img"
        self._live, self._log, self._console = folder / "live.img", folder / "writes.log", folder / "console.log"

    def fresh(self) -> None:
        emulator.image(self.disk, "256M")

    def start(self, journal: str) -> emulator.Guest:
        """It writes to a copy of the disk: what becomes of the disk is known after the cut."""
        debian.said(["cp", "--sparse=always", str(self.disk), str(self._live)])
        self._log.write_bytes(b"")
        words = ["-m", "512"]
        for name, path in (("system", self._system.system), ("program", self._system.program)):
            words += ["-blockdev", f"driver=file,node-name={name},read-only=on,filename={path}"]
        for name, path in (("live", self._live), ("log", self._log)):
            words += ["-blockdev", f"driver=file,node-name={name},filename={path},cache.no-flush=on"]
        words += ["-blockdev", f"driver=blklogwrites,node-name=data,file=live,log=log,log-sector-size={disk.SECTOR}"]
        for name in ("system", "program", "data"):
            words += ["-device", f"virtio-blk-pci,drive={name}"]
        return emulator.started(
            self._system.kernel, self._system.finder, f"first={FIRST} power={journal}", words,
            console=self._console, accelerator=self._accelerator,
        )  # fmt: skip

    def sent(self) -> int:
        """How much its disk has been sent, as a length of its log."""
        return self._log.stat().st_size

    def keep_all(self) -> None:
        """After a cut: the disk has all that it was sent."""
        self._live.replace(self.disk)

    def forget(self, chance: random.Random) -> disk.Left:
        """After a cut: it came at any moment, and the disk may have forgotten what was not flushed by then."""
        with self.disk.open("r+b") as written, self._log.open("rb") as log:
            return disk.forget(written, log, chance)

    def keep(self, name: str) -> Path:
        """The disk, for whoever wants to see what is wrong with it."""
        return Path(shutil.copyfile(self.disk, self.disk.with_name(name)))


def program(folder: Path) -> Path:
    """This tree, and what the history stands on; all of it is Python, so any version of it may run there."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("bot", "tests/trials/power"):
        shutil.copytree(debian.ROOT / name, folder / name)
    (folder / "tests/__init__.py").touch()
    emulator.copied(emulator.needed("sqlite-utils"), folder / "packages")
    compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)  # slow work for a guest
    return folder
