"""Machines in QEMU whose power can be cut: their disks, how they are started, what they say. It judges nothing.

QEMU is slower than a container, but what the guest has not brought onto its disk is gone when it is killed. `tcg` needs
no help of the processor (a guest starts in about eight seconds); where it works, `kvm` is quicker.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import time
from compileall import compile_dir
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import TYPE_CHECKING, Self

from packaging.requirements import Requirement

from tests import debian
from tests.power import disk

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

KERNEL = ("linux-image-cloud-amd64", "initramfs-tools")
PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86", "mkfs.ext4": "e2fsprogs"}
FIRST = "/sbin/mynah-power"
# Where processors are short, the kernel's test of its timer fails, and its other tests take long.
KERNEL_WORDS = "console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable cryptomgr.notests mitigations=off"
# Before there is a disk: what a Debian starts with finds out what is there, which takes a slow guest seconds.
MODULES = ("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk")
FINDS = f"""#!/bin/sh
mount -t devtmpfs dev /dev
for name in {" ".join(MODULES)}; do insmod /$name.ko; done
mount -t ext4 -o ${{access:-ro}} /dev/vda /root
mount -o move /dev /root/dev
exec run-init /root ${{first:-{FIRST}}}
"""
# The first process: the program's own disk and the one that is written to; all that is said goes to the second line.
# What the kernel was told and does not know (`power=`, `first=`) comes to it as variables.
SCRIPT = """#!/bin/sh
exec >/dev/ttyS1 2>&1
mount -t proc proc /proc
mount -t ext4 -o ro /dev/vdb /opt
mount -t ext4 /dev/vdc /srv
export PYTHONPATH=/opt/packages:/opt
python3 -m tests.power.guest /srv/history.db $power
echo ended
exec sleep 1000
"""


def why_not() -> str:
    return debian.why_not(PROGRAMS)


class System:
    """What machines share, and only read: the kernel, the system, made once, and the program, made anew each time."""

    def __init__(self, cache: Path) -> None:
        base = debian.base(cache, *KERNEL)
        (self.kernel,) = base.glob("boot/vmlinuz-*")
        self.finder = finder(base)
        self.system = cache / f"system-{sha256(SCRIPT.encode()).hexdigest()[:8]}.img"
        if not self.system.exists():
            script(base / FIRST.lstrip("/"), SCRIPT)
            image(self.system, "1500M", base)
        self.program = cache / "program.img"
        image(self.program, "32M", program(cache / "program"))


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
        image(self.disk, "256M")

    def start(self, journal: str) -> Guest:
        """It writes to a copy of the disk: what becomes of the disk is known after the cut."""
        debian.said(["cp", "--sparse=always", str(self.disk), str(self._live)])
        self._log.write_bytes(b"")
        words = ["qemu-system-x86_64", "-accel", self._accelerator, "-cpu", "max", "-m", "512", "-nodefaults"]
        words += ["-display", "none", "-no-reboot", "-kernel", str(self._system.kernel)]
        words += ["-initrd", str(self._system.finder), "-append", f"{KERNEL_WORDS} power={journal}"]
        for name, path in (("system", self._system.system), ("program", self._system.program)):
            words += ["-blockdev", f"driver=file,node-name={name},read-only=on,filename={path}"]
        for name, path in (("live", self._live), ("log", self._log)):
            words += ["-blockdev", f"driver=file,node-name={name},filename={path},cache.no-flush=on"]
        words += ["-blockdev", f"driver=blklogwrites,node-name=data,file=live,log=log,log-sector-size={disk.SECTOR}"]
        for name in ("system", "program", "data"):
            words += ["-device", f"virtio-blk-pci,drive={name}"]
        return Guest([*words, "-serial", f"file:{self._console}", "-serial", "stdio"])

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


def finder(base: Path) -> Path:
    """What the kernel starts with: the drivers of its disks, and klibc's shell, which has all else that it takes."""
    root = base / "boot/finder"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(base / "usr/lib/klibc/bin", root / "bin")
    (root / "lib").mkdir()
    for library in base.glob("usr/lib/klibc-*.so"):
        shutil.copy(library, root / "lib")
    for name in MODULES:
        (module,) = base.glob(f"lib/modules/*/kernel/drivers/*/{name}.ko")
        shutil.copy(module, root)
    for name in ("dev", "root"):
        (root / name).mkdir()
    script(root / "init", FINDS)
    debian.said(["chroot", str(base), "sh", "-c", "cd /boot/finder && find . | cpio --quiet -o -H newc >../finder.img"])
    return base / "boot/finder.img"


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def image(path: Path, size: str, content: Path | None = None) -> None:
    """A file system in a file."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    debian.said(["mkfs.ext4", "-q", *(["-d", str(content)] if content else []), str(fresh), size])
    fresh.replace(path)


def program(folder: Path) -> Path:
    """This tree, and what the history stands on; all of it is Python, so any version of it may run there."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("bot", "tests/power"):
        shutil.copytree(debian.ROOT / name, folder / name)
    (folder / "tests/__init__.py").touch()
    copied(needed("sqlite-utils"), folder / "packages")
    compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)  # slow work for a guest
    return folder


def copied(names: set[str], folder: Path) -> None:
    """What these packages have installed here."""
    for found in map(distribution, names):
        for file in found.files or ():
            if ".." not in file.parts:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(found.locate_file(file)), folder / file)


def needed(name: str) -> set[str]:
    """It, and what it needs, and so on."""
    names = set()
    for requirement in map(Requirement, distribution(name).requires or ()):
        if requirement.name != "pip" and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            names |= needed(requirement.name)
    return names | {name}


class Guest:
    """Switched on; `said` is heard line by line until it is cut off."""

    def __init__(self, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._rest = b""

    def said(self, seconds: float) -> Iterator[str]:
        """The lines of so long; a silence ends it as well as a talk."""
        late = time.monotonic() + seconds
        while (left := late - time.monotonic()) > 0:
            if not select.select([self._out], [], [], left)[0]:
                return
            chunk = os.read(self._out, 65536)
            if not chunk:
                raise RuntimeError(f"the machine has ended by itself: exit {self._process.wait()}")
            yield from self._lines(chunk)

    def tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def is_on(self) -> bool:
        return self._process.poll() is None

    def cut(self) -> list[str]:
        """No time for anything. What it had said until then."""
        if self._process.returncode is not None:
            return []
        self._process.kill()
        rest, _ = self._process.communicate()
        return list(self._lines(rest))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    @property
    def _out(self) -> int:
        assert self._process.stdout
        return self._process.stdout.fileno()

    def _lines(self, chunk: bytes) -> Iterator[str]:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace").rstrip("\r") for line in whole)
