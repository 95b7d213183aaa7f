"""Machines in QEMU and what they start with: a kernel, an initramfs, disk images, the packages of this Python.

QEMU is slower than a container, but what the guest has not written to its disk is lost when it is killed. `tcg` works
on any CPU (a guest starts in about eight seconds); `kvm` is faster where it is available.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import time
from importlib.metadata import distribution
from typing import TYPE_CHECKING, Self

from packaging.requirements import Requirement

from tests.trials import debian

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KERNEL = ("linux-image-cloud-amd64", "initramfs-tools")
PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86", "mkfs.ext4": "e2fsprogs"}
# On a busy machine the kernel's timer test fails, and its other tests take long.
KERNEL_WORDS = "console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable cryptomgr.notests mitigations=off"
# An initramfs that loads just these modules: Debian's own probes the hardware, which takes a slow guest seconds.
MODULES = ("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk")
INIT = f"""#!/bin/sh
mount -t devtmpfs dev /dev
for name in {" ".join(MODULES)}; do insmod /$name.ko; done
mount -t ext4 -o ${{access:-ro}} /dev/vda /root
mount -o move /dev /root/dev
exec run-init /root $first
"""


def why_not() -> str:
    return debian.why_not(PROGRAMS)


def start(
    kernel: Path, initramfs: Path, options: str, words: Sequence[str], *, console: Path, accelerator: str
) -> Guest:
    """Start a machine; the kernel's console goes to the file `console`, the second serial line is ours."""
    own = ["-accel", accelerator, "-cpu", "max", "-nodefaults", "-display", "none", "-no-reboot"]
    own += ["-kernel", str(kernel), "-initrd", str(initramfs), "-append", f"{KERNEL_WORDS} {options}"]
    return Guest(["qemu-system-x86_64", *own, *words, "-serial", f"file:{console}", "-serial", "stdio"])


def make_initramfs(base: Path) -> Path:
    """An initramfs with the drivers of the disks and klibc's shell and tools."""
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
    script(root / "init", INIT)
    debian.run(["chroot", str(base), "sh", "-c", "cd /boot/finder && find . | cpio --quiet -o -H newc >../finder.img"])
    return base / "boot/finder.img"


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def image(path: Path, size: str, content: Path | None = None) -> None:
    """Make a file system in a file."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    debian.run(["mkfs.ext4", "-q", *(["-d", str(content)] if content else []), str(fresh), size])
    fresh.replace(path)


def copy_packages(names: set[str], folder: Path) -> None:
    """Copy the installed files of these packages."""
    for package in map(distribution, names):
        for file in package.files or ():
            if ".." not in file.parts:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(package.locate_file(file)), folder / file)


def dependencies(name: str) -> set[str]:
    """The package and all its dependencies."""
    names = set()
    for requirement in map(Requirement, distribution(name).requires or ()):
        if requirement.name != "pip" and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            names |= dependencies(requirement.name)
    return names | {name}


class Guest:
    """A running machine; `lines` reads its output until the power is cut."""

    def __init__(self, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._rest = b""

    def lines(self, seconds: float) -> Iterator[str]:
        """The lines printed within so many seconds."""
        deadline = time.monotonic() + seconds
        while (remaining := deadline - time.monotonic()) > 0:
            if not select.select([self._out], [], [], remaining)[0]:
                return
            chunk = os.read(self._out, 65536)
            if not chunk:
                raise RuntimeError(f"the machine stopped by itself: exit {self._process.wait()}")
            yield from self._lines(chunk)

    def tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def is_on(self) -> bool:
        return self._process.poll() is None

    def cut(self) -> list[str]:
        """Cut the power; return the lines that were not read yet."""
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
