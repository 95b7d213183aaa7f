"""The checks of the units that need a kernel of their own, one method each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.trials.qemu.machine import MYNAH

if TYPE_CHECKING:
    from tests.trials.debian import Booted

EVERY = 5  # seconds
BOT = f"""[Service]
ExecStart=
ExecStart={MYNAH} --config /etc/mynah/%i/config.toml --state /var/lib/mynah/%i run --every {EVERY}s
Environment=OMP_NUM_THREADS=1
TimeoutStartSec=15min
"""
# In place of the bot: what takes memory, more and more of it.
HOG = """[Service]
ExecStart=
ExecStart=/usr/bin/python3 -c 'import os, socket; line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); \\
line.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"]); taken = [b"x" * 2**24 for _ in range(1000)]'
RestartSec=1s
"""
# Waits for memory for as long as it lives: it asks for more than it may hold.
WANTS = "taken = [b'x' * 2**20 for _ in range(99)]"
# In place of a training: what sends a word to this machine itself. What else would keep it in is off.
SENDS = """[Service]
ExecStart=
ExecStart=/usr/bin/python3 -c 'import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b"a", ("127.0.0.1", 9))'
PrivateNetwork=no
RestrictAddressFamilies=AF_UNIX AF_INET
{}
"""
# In place of the bot, with the GPU's drop-in: what opens a device that anybody may open.
OPENS = """[Service]
Type=oneshot
ExecStart=
ExecStart=/usr/bin/python3 -c 'open("/dev/null"); open("/opt/{}")'
Restart=no
"""
CONFIG = """bot = "stationmynah"
[voice]
prompts = ["Rain"]
mix = { none = 0, prompts = 1, openers = 0, topics = 0 }
[posting]
min_gap = "1s"
max_per_hour = 9999
max_per_day = 9999
[budget]
per_day = 999
per_month = 999
[backup]
every = "0s"
"""


class Checks:
    def __init__(self, machine: Booted) -> None:
        self.m = machine

    def what_takes_too_much_memory_is_ended_and_comes_back(self) -> str:
        self._instead("mynah@hog", HOG)
        self.m("systemctl", "start", "mynah@hog")
        self.m.wait(lambda: int(self.m.shown("mynah@hog", "NRestarts")["NRestarts"]) >= 2, 300)
        said = self.m.journal("-u", "mynah@hog")
        assert "Failed with result 'oom-kill'" in said, said
        most = self.m.shown("mynah@hog", "MemoryMax")["MemoryMax"]
        self.m("systemctl", "stop", "mynah@hog")
        return f"MemoryMax {int(most) >> 20} MiB of 1024: oom-kill, and started again"

    def where_memory_is_short_it_puts_its_model_away(self) -> str:
        self.m("systemctl", "start", "mynah@a")
        self.m("systemd-run", "--unit=short", "--property=MemoryHigh=30M", "python3", "-c", WANTS)
        took = self.m.wait(lambda: "model.put_away" in self.m.journal("-u", "mynah@a"), 300)
        slots = self._slots()
        self.m.wait(lambda: self._slots() >= slots + 3, 300)
        self.m("systemctl", "stop", "mynah@a", "short")
        return f"put away {took:.0f} s after others had to wait for memory; and three slots more are spoken in"

    def a_training_reaches_no_address(self) -> str:
        held = self._ended("mynah-retrain@held", SENDS.format(""))
        free = self._ended("mynah-retrain@free", SENDS.format("IPAddressDeny="))
        assert "PermissionError: [Errno 1]" in held, held
        assert "Error" not in free, free
        return "IPAddressDeny=any alone holds a datagram to 127.0.0.1 back; without it the same one goes out"

    def with_a_gpu_it_opens_no_other_device(self) -> str:
        self.m("mknod", "-m", "666", "/opt/other", "c", "4", "66")  # a serial line
        self.m("mknod", "-m", "666", "/opt/random", "c", "1", "9")  # one of those that closed leaves
        gpu = "PrivateDevices=no\nDevicePolicy=closed\nDeviceAllow=char-nvidia rw\n"
        other = self._ended("mynah@other", OPENS.format("other") + gpu)
        allowed = self._ended("mynah@random", OPENS.format("random") + gpu)
        assert "PermissionError: [Errno 1]" in other, other
        assert "Error" not in allowed, allowed
        return "DevicePolicy=closed: a serial line that anybody may open stays closed, /dev/urandom opens"

    def a_clock_that_is_set_leaves_it_at_work(self) -> str:
        self.m("systemctl", "start", "mynah@a")
        told = [f"{step}: {self._spoken_after(step):.0f} s" for step in ("now", "+2 hours", "-5 hours")]
        self.m("systemctl", "stop", "mynah@a")
        return f"one process, never restarted; three slots more within {', '.join(told)}"

    def _spoken_after(self, step: str) -> float:
        """How long three slots take once the clock is set."""
        before, slots = self.m.shown("mynah@a", "MainPID", "NRestarts", "ActiveState"), self._slots()
        self.m("date", "-s", step)
        took = self.m.wait(lambda: self._slots() >= slots + 3, 300)
        assert self.m.shown("mynah@a", "MainPID", "NRestarts", "ActiveState") == before
        assert before["ActiveState"] == "active", before
        return took

    def _slots(self) -> int:
        code = "import sqlite3, sys; print(*next(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM slot')))"
        return int(self.m("python3", "-c", code, "/var/lib/mynah/a/history.db"))

    def _instead(self, unit: str, drop_in: str) -> None:
        self.m.write(f"/etc/systemd/system/{unit}.service.d/test.conf", drop_in)
        self.m("systemctl", "daemon-reload")

    def _ended(self, unit: str, drop_in: str) -> str:
        """What a unit that does one thing has said."""
        self._instead(unit, drop_in)
        self.m("systemctl", "start", unit, check=False)
        return self.m.journal("-u", unit)
