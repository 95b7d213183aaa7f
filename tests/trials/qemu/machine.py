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

HOST_PACKAGES = Path("/opt/host-packages")
MYNAH = debian.VENV / "bin" / "mynah"
ENGINE = ("mynah-bot", "onnxruntime", "tokenizers", "numpy", "apscheduler", "tweepy", "requests", "tzdata")
SERVER = """import json, subprocess, tty
with open("/dev/ttyS1", "rb", buffering=0) as requests, open("/dev/ttyS1", "wb") as responses:
    tty.setraw(requests)
    responses.write(b"here\\n")
    while True:
        responses.flush()
        request = json.loads(requests.readline())
        process = subprocess.run(request["words"], input=request["input"], capture_output=True, text=True)
        responses.write(json.dumps([process.returncode, process.stdout + process.stderr]).encode() + b"\\n")
"""
UNIT = """[Service]
ExecStart=/usr/bin/python3 /opt/server.py
[Install]
WantedBy=multi-user.target
"""
SIZE = "3G"
PATIENCE = 900.0  # seconds; half a minute on an idle machine


def disk_image(cache: Path) -> Path:
    """The image of its disk, made anew each time."""
    root = debian.machine_root(cache, HOST_PACKAGES, *emulator.KERNEL)
    names = set[str]().union(*map(emulator.dependencies, ENGINE)) - {"mynah-bot"}
    emulator.copy_packages(names, root / str(HOST_PACKAGES).lstrip("/"))
    make(root / "srv")
    (root / "opt/server.py").write_text(SERVER)
    (root / "etc/systemd/system/server.service").write_text(UNIT)
    debian.run(["chroot", str(root), "systemctl", "enable", "--quiet", "server.service"])
    for line in ("ttyS0", "ttyS1"):
        debian.run(["chroot", str(root), "systemctl", "mask", "--quiet", f"serial-getty@{line}.service"])
    emulator.image(cache / "booted.img", SIZE, root)
    shutil.rmtree(root)
    return cache / "booted.img"


class Machine(debian.Booted):
    def __init__(self, cache: Path, image: Path, *, accelerator: str) -> None:
        base = debian.base(cache, *emulator.KERNEL)
        (kernel,) = base.glob("boot/vmlinuz-*")
        words = ["-smp", "2", "-m", "1024", "-drive", f"file={image},format=raw,if=virtio,cache=unsafe"]
        self._guest = emulator.start(
            kernel, emulator.make_initramfs(base), "first=/sbin/init access=rw", words,
            console=cache / "booted.log", accelerator=accelerator,
        )  # fmt: skip

    def __enter__(self) -> Self:
        try:
            self._read_line()
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
        return self._run(words, "", check=check)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        self._run(["install", "-D", "-m", f"{mode:o}", "/dev/stdin", path], text, check=True)

    def is_on(self) -> bool:
        return self._guest.is_on()

    def _run(self, words: tuple[str, ...] | list[str], text: str, *, check: bool) -> str:
        self._guest.tell(json.dumps({"words": words, "input": text}))
        code, output = json.loads(self._read_line())
        if check and code:
            raise AssertionError(f"{' '.join(words)}: exit {code}: {output}")
        return str(output)

    def _read_line(self) -> str:
        late = time.monotonic() + PATIENCE
        while time.monotonic() < late:
            for line in self._guest.lines(1.0):
                return line  # one line per request
        raise AssertionError(f"the guest printed nothing for {PATIENCE:.0f} s")
