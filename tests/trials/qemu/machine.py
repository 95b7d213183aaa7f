"""A Debian with its own systemd and kernel in QEMU, with this repository's wheel installed.

Its kernel enforces what a container's cannot: memory limits, denied addresses and devices, a clock that is set.
Commands go over a serial line to a small program that runs them.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Self

from tests.talker import make
from tests.trials import debian
from tests.trials.qemu import emulator

LENT = Path("/opt/host-packages")
MYNAH = debian.VENV / "bin" / "mynah"
ENGINE = ("mynah-bot", "onnxruntime", "tokenizers", "numpy", "apscheduler", "tweepy", "requests", "tzdata")
ASKED = """import json, subprocess, tty
with open("/dev/ttyS1", "rb", buffering=0) as told, open("/dev/ttyS1", "wb") as said:
    tty.setraw(told)
    said.write(b"here\\n")
    while True:
        said.flush()
        asked = json.loads(told.readline())
        done = subprocess.run(asked["words"], input=asked["input"], capture_output=True, text=True)
        said.write(json.dumps([done.returncode, done.stdout + done.stderr]).encode() + b"\\n")
"""
UNIT = """[Service]
ExecStart=/usr/bin/python3 /opt/asked.py
[Install]
WantedBy=multi-user.target
"""
SIZE = "3G"
PATIENCE = 900.0  # seconds; half a minute where nothing else is at work


def furnished(cache: Path) -> Path:
    """The image of its disk, made anew each time."""
    root = debian.furnished(cache, LENT, *emulator.KERNEL)
    names = set[str]().union(*map(emulator.needed, ENGINE)) - {"mynah-bot"}
    emulator.copied(names, root / str(LENT).lstrip("/"))
    make(root / "srv")
    (root / "opt/asked.py").write_text(ASKED)
    (root / "etc/systemd/system/asked.service").write_text(UNIT)
    debian.said(["chroot", str(root), "systemctl", "enable", "--quiet", "asked.service"])
    for line in ("ttyS0", "ttyS1"):
        debian.said(["chroot", str(root), "systemctl", "mask", "--quiet", f"serial-getty@{line}.service"])
    emulator.image(cache / "booted.img", SIZE, root)
    shutil.rmtree(root)
    return cache / "booted.img"


class Machine(debian.Booted):
    def __init__(self, cache: Path, image: Path, *, accelerator: str) -> None:
        base = debian.base(cache, *emulator.KERNEL)
        (kernel,) = base.glob("boot/vmlinuz-*")
        words = ["-smp", "2", "-m", "1024", "-drive", f"file={image},format=raw,if=virtio,cache=unsafe"]
        self._guest = emulator.started(
            kernel, emulator.finder(base), "first=/sbin/init access=rw", words,
            console=cache / "booted.log", accelerator=accelerator,
        )  # fmt: skip

    def __enter__(self) -> Self:
        try:
            self._heard()
            self.wait(
                lambda: self("systemctl", "is-system-running", check=False).strip() in {"running", "degraded"}, 300
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._guest.cut()

    def __call__(self, *words: str, check: bool = True) -> str:
        return self._asked(words, "", check=check)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        self._asked(["install", "-D", "-m", f"{mode:o}", "/dev/stdin", path], text, check=True)

    def is_on(self) -> bool:
        return self._guest.is_on()

    def _asked(self, words: tuple[str, ...] | list[str], text: str, *, check: bool) -> str:
        self._guest.tell(json.dumps({"words": words, "input": text}))
        code, told = json.loads(self._heard())
        if check and code:
            raise AssertionError(f"{' '.join(words)}: exit {code}: {told}")
        return str(told)

    def _heard(self) -> str:
        late = time.monotonic() + PATIENCE
        while time.monotonic() < late:
            for line in self._guest.said(1.0):
                return line  # one for each that is asked
        raise AssertionError(f"the guest said nothing for {PATIENCE:.0f} s")
