"""A Debian with a real systemd, booted in systemd-nspawn, with this repository's wheel in it. It checks nothing.

Dependencies are lent read-only by the Python that runs this: the container's own must be of the same version.
"""

from __future__ import annotations

import os
import shutil
import signal
import site
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv")
LENT = Path("/opt/host-packages")
VENV = Path("/opt/mynah/.venv")
MYNAH = VENV / "bin" / "mynah"


def why_not() -> str:
    """What keeps this machine from booting another in it."""
    if os.geteuid():
        return "only root can boot a container"
    missing = [name for name in ("systemd-nspawn", "debootstrap", "nsenter", "chroot") if shutil.which(name) is None]
    return f"missing: {', '.join(missing)} (apt-get install systemd-container debootstrap)" if missing else ""


def base(cache: Path) -> Path:
    """A small Debian, fetched once."""
    root = cache / "base"
    if not (root / "etc/debian_version").exists():
        fresh = cache / "base.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        said(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", str(fresh)])
        fresh.replace(root)
    return root


def furnished(cache: Path) -> Path:
    """A copy of it with the wheel of this tree in a virtual environment of its own."""
    root = cache / "machine"
    shutil.rmtree(root, ignore_errors=True)
    said(["cp", "-a", "--reflink=auto", str(base(cache)), str(root)])
    wheels = root / "tmp/wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    said([*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)])
    (wheel,) = wheels.glob("*.whl")
    within = ["chroot", str(root)]
    said([*within, "python3", "-m", "venv", str(VENV)])
    said([*within, str(VENV / "bin/pip"), "install", "--quiet", "--no-deps", "--no-index", f"/tmp/wheels/{wheel.name}"])
    python = subprocess.check_output(
        [*within, str(VENV / "bin/python"), "-c", "import site; print(site.getsitepackages()[0])"]
    )
    (root / python.decode().strip().lstrip("/") / "lent.pth").write_text(f"{LENT}\n")
    (root / str(LENT).lstrip("/")).mkdir()
    return root


def said(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Machine:
    """Booted; what is asked of it is run inside, as root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        packages = site.getsitepackages()[0]
        words = ["systemd-nspawn", "-q", "-D", str(root), "--register=no", "--keep-unit", "--machine=mynahtest"]
        words += [f"--bind-ro={packages}:{LENT}", "--resolv-conf=off", "-b", "--console=pipe"]
        environment = os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        self._log = (root / "console.log").open("wb")
        self._process = subprocess.Popen(
            words, env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def __enter__(self) -> Self:
        try:
            self.wait(
                lambda: self("systemctl", "is-system-running", check=False).strip() in {"running", "degraded"}, 60
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self("systemctl", "poweroff", "--no-wall", check=False)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()

    def __call__(self, *words: str, check: bool = True) -> str:
        inside = self._first()
        if not inside:
            return ""
        enter = ["nsenter", "-t", inside, "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w"]
        done = subprocess.run([*enter, *words], capture_output=True, text=True, check=False, timeout=600)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def shown(self, unit: str, *names: str) -> dict[str, str]:
        lines = self("systemctl", "show", unit, *(f"-p{name}" for name in names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def journal(self, *words: str) -> str:
        return self("journalctl", "--no-pager", "-o", "cat", *words, check=False)

    def wait(self, true: Callable[[], object], seconds: float) -> float:
        """How long it took."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > seconds or self._process.poll() is not None:
                raise AssertionError(f"not within {seconds:.0f} s")
            time.sleep(0.2)
        return time.monotonic() - began

    def _first(self) -> str:
        """The container's process 1, as this machine numbers it."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return (children.read_text().split() or [""])[0] if children.exists() else ""
