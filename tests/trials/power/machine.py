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

INIT = "/sbin/mynah-power"
# The init process: mounts the program's disk and the data disk; all output goes to the second serial line. Kernel
# options that the kernel does not know (`power=`, `first=`) become its variables.
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
    """What machines share read-only: the kernel and the system, made once, and the program, made each time."""

    def __init__(self, cache: Path) -> None:
        base = debian.base(cache, *emulator.KERNEL)
        (self.kernel,) = base.glob("boot/vmlinuz-*")
        self.initramfs = emulator.make_initramfs(base)
        self.system = cache / f"system-{sha256(SCRIPT.encode()).hexdigest()[:8]}.img"
        if not self.system.exists():
            emulator.script(base / INIT.lstrip("/"), SCRIPT)
            emulator.image(self.system, "1500M", base)
        self.program = cache / "program.img"
        emulator.image(self.program, "32M", program(cache / "program"))


class Machine:
    """A machine with a disk that survives its power cuts."""

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
        """Start with a copy of the disk; the cut decides what becomes of the disk."""
        debian.run(["cp", "--sparse=always", str(self.disk), str(self._live)])
        self._log.write_bytes(b"")
        words = ["-m", "512"]
        for name, path in (("system", self._system.system), ("program", self._system.program)):
            words += ["-blockdev", f"driver=file,node-name={name},read-only=on,filename={path}"]
        for name, path in (("live", self._live), ("log", self._log)):
            words += ["-blockdev", f"driver=file,node-name={name},filename={path},cache.no-flush=on"]
        words += ["-blockdev", f"driver=blklogwrites,node-name=data,file=live,log=log,log-sector-size={disk.SECTOR}"]
        for name in ("system", "program", "data"):
            words += ["-device", f"virtio-blk-pci,drive={name}"]
        return emulator.start(
            self._system.kernel, self._system.initramfs, f"first={INIT} power={journal}", words,
            console=self._console, accelerator=self._accelerator,
        )  # fmt: skip

    def sent(self) -> int:
        """The length of the disk's write log."""
        return self._log.stat().st_size

    def keep_all(self) -> None:
        """After a cut: the disk has all writes."""
        self._live.replace(self.disk)

    def forget(self, chance: random.Random) -> disk.Left:
        """After a cut at a random moment of the log: writes that were not flushed may be lost."""
        with self.disk.open("r+b") as image, self._log.open("rb") as log:
            return disk.forget(image, log, chance)

    def keep(self, name: str) -> Path:
        """Keep a copy of a damaged disk."""
        return Path(shutil.copyfile(self.disk, self.disk.with_name(name)))


def program(folder: Path) -> Path:
    """This tree and the history's dependencies; all pure Python, so the guest's version may differ."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("bot", "tests/trials/power"):
        shutil.copytree(debian.ROOT / name, folder / name)
    (folder / "tests/__init__.py").touch()
    emulator.copy_packages(emulator.dependencies("sqlite-utils"), folder / "packages")
    compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)  # slow in the guest
    return folder
