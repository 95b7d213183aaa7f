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
    """Why this machine cannot boot another; `programs` maps each program to its package."""
    if os.geteuid():
        return "only root can make a machine"
    packages_of = {"debootstrap": "debootstrap", "chroot": "coreutils"} | programs
    missing = [name for name in packages_of if shutil.which(name) is None]
    packages = " ".join(sorted({packages_of[name] for name in missing}))
    return f"missing: {', '.join(missing)} (apt-get install {packages})" if missing else ""


def base(cache: Path, *more: str) -> Path:
    """The root of a minimal Debian; `more` are further packages."""
    root = cache / "base"
    if not (root / "etc/debian_version").exists():
        fresh = cache / "base.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        run(["debootstrap", "--variant=minbase", f"--include={','.join((*PACKAGES, *more))}", RELEASE, str(fresh)])
        fresh.replace(root)
    return root


def machine_root(cache: Path, packages: Path, *more: str) -> Path:
    """A copy of it with the wheel of this tree in a virtual environment, whose other packages are in `packages`."""
    root = cache / "machine"
    shutil.rmtree(root, ignore_errors=True)
    run(["cp", "-a", "--reflink=auto", str(base(cache, *more)), str(root)])
    wheels = root / "tmp/wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)])
    (wheel,) = wheels.glob("*.whl")
    chroot = ["chroot", str(root)]
    run([*chroot, "python3", "-m", "venv", str(VENV)])
    run([*chroot, str(VENV / "bin/pip"), "install", "--quiet", "--no-deps", "--no-index", f"/tmp/wheels/{wheel.name}"])
    python = run([*chroot, str(VENV / "bin/python"), "-c", "import site; print(site.getsitepackages()[0])"])
    (root / python.strip().lstrip("/") / "host-packages.pth").write_text(f"{packages}\n")
    (root / str(packages).lstrip("/")).mkdir()
    return root


def run(command: list[str]) -> str:
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}\n{process.stdout}\n{process.stderr}")
    return process.stdout


class Booted(ABC):
    """A booted machine with systemd; a call runs a command inside, as root."""

    @abstractmethod
    def __call__(self, *words: str, check: bool = True) -> str:
        """The output of the command."""

    @abstractmethod
    def write(self, path: str, text: str, mode: int = 0o644) -> None: ...

    @abstractmethod
    def is_on(self) -> bool: ...

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        lines = self("systemctl", "show", unit, *(f"-p{name}" for name in names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def journal(self, *words: str) -> str:
        return self("journalctl", "--no-pager", "-o", "cat", *words, check=False)

    def wait(self, true: Callable[[], object], seconds: float) -> float:
        """Wait until `true` returns something true; return the seconds."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > seconds or not self.is_on():
                raise AssertionError(f"not within {seconds:.0f} s")
            time.sleep(0.2)
        return time.monotonic() - began
