"""A Debian with a real systemd, booted in systemd-nspawn, with this repository's wheel installed.

The dependencies are mounted read-only from the Python that runs this: both must have the same version.
"""

from __future__ import annotations

import os
import signal
import site
import subprocess
from pathlib import Path
from typing import Self

from tests.trials import debian

HOST_PACKAGES = Path("/opt/host-packages")
MYNAH = debian.VENV / "bin" / "mynah"


def why_not() -> str:
    """Why this machine cannot boot a container."""
    return debian.why_not({"systemd-nspawn": "systemd-container", "nsenter": "util-linux"})


def machine_root(cache: Path) -> Path:
    return debian.machine_root(cache, HOST_PACKAGES)


class Machine(debian.Booted):
    def __init__(self, root: Path) -> None:
        self.root = root
        packages = site.getsitepackages()[0]
        words = ["systemd-nspawn", "-q", "-D", str(root), "--register=no", "--keep-unit", "--machine=mynahtest"]
        words += [f"--bind-ro={packages}:{HOST_PACKAGES}", "--resolv-conf=off", "-b", "--console=pipe"]
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
        inside = self._pid_1()
        if not inside:
            return ""
        enter = ["nsenter", "-t", inside, "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w"]
        process = subprocess.run([*enter, *words], capture_output=True, text=True, check=False, timeout=600)
        if check and process.returncode:
            raise AssertionError(f"{' '.join(words)}: exit {process.returncode}: {process.stdout}{process.stderr}")
        return process.stdout + process.stderr

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def is_on(self) -> bool:
        return self._process.poll() is None

    def _pid_1(self) -> str:
        """The host's PID of the container's process 1."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return (children.read_text().split() or [""])[0] if children.exists() else ""
