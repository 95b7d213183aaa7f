"""A small Debian in a folder, downloaded once, for machines that tests boot in a container or in QEMU."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
RELEASE = "bookworm"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv")
VENV = Path("/opt/mynah/.venv")


def why_not(programs: dict[str, str]) -> str:
    """What keeps this machine from booting another; each program with the package that has it."""
    if os.geteuid():
        return "only root can make a machine"
    needed = {"debootstrap": "debootstrap", "chroot": "coreutils"} | programs
    missing = [name for name in needed if shutil.which(name) is None]
    packages = " ".join(sorted({needed[name] for name in missing}))
    return f"missing: {', '.join(missing)} (apt-get install {packages})" if missing else ""


def base(cache: Path, *more: str) -> Path:
    """`more`: packages that it has besides."""
    root = cache / "base"
    if not (root / "etc/debian_version").exists():
        fresh = cache / "base.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        said(["debootstrap", "--variant=minbase", f"--include={','.join((*PACKAGES, *more))}", RELEASE, str(fresh)])
        fresh.replace(root)
    return root


def furnished(cache: Path, lent: Path, *more: str) -> Path:
    """A copy of it with the wheel of this tree in a virtual environment, whose other packages are found in `lent`."""
    root = cache / "machine"
    shutil.rmtree(root, ignore_errors=True)
    said(["cp", "-a", "--reflink=auto", str(base(cache, *more)), str(root)])
    wheels = root / "tmp/wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    said([*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)])
    (wheel,) = wheels.glob("*.whl")
    within = ["chroot", str(root)]
    said([*within, "python3", "-m", "venv", str(VENV)])
    said([*within, str(VENV / "bin/pip"), "install", "--quiet", "--no-deps", "--no-index", f"/tmp/wheels/{wheel.name}"])
    python = said([*within, str(VENV / "bin/python"), "-c", "import site; print(site.getsitepackages()[0])"])
    (root / python.strip().lstrip("/") / "lent.pth").write_text(f"{lent}\n")
    (root / str(lent).lstrip("/")).mkdir()
    return root


def said(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Booted(ABC):
    """Such a machine with a systemd at work in it; what is asked of it is run inside, as root."""

    @abstractmethod
    def __call__(self, *words: str, check: bool = True) -> str:
        """What the command said."""

    @abstractmethod
    def write(self, path: str, text: str, mode: int = 0o644) -> None: ...

    @abstractmethod
    def is_on(self) -> bool: ...

    def shown(self, unit: str, *names: str) -> dict[str, str]:
        lines = self("systemctl", "show", unit, *(f"-p{name}" for name in names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def journal(self, *words: str) -> str:
        return self("journalctl", "--no-pager", "-o", "cat", *words, check=False)

    def wait(self, true: Callable[[], object], seconds: float) -> float:
        """How long it took."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > seconds or not self.is_on():
                raise AssertionError(f"not within {seconds:.0f} s")
            time.sleep(0.2)
        return time.monotonic() - began
