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
# In place of the bot: a program that takes more and more memory.
HOG = """[Service]
ExecStart=
ExecStart=/usr/bin/python3 -c 'import os, socket; line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); \\
line.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"]); taken = [b"x" * 2**24 for _ in range(1000)]'
RestartSec=1s
"""
# Always waits for memory: it allocates more than it may have.
WANTS = "taken = [b'x' * 2**20 for _ in range(99)]"
# In place of a training: sends a datagram to this machine; the other restrictions are off.
SENDS = """[Service]
ExecStart=
ExecStart=/usr/bin/python3 -c 'import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b"a", ("127.0.0.1", 9))'
PrivateNetwork=no
RestrictAddressFamilies=AF_UNIX AF_INET
{}
"""
# In place of the bot, with the GPU's drop-in: opens a device that everybody may open.
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

    def out_of_memory_it_is_killed_and_restarted(self) -> str:
        self._override("mynah@hog", HOG)
        self.m("systemctl", "start", "mynah@hog")
        self.m.wait(lambda: int(self.m.properties("mynah@hog", "NRestarts")["NRestarts"]) >= 2, 300)
        journal = self.m.journal("-u", "mynah@hog")
        assert "Failed with result 'oom-kill'" in journal, journal
        most = self.m.properties("mynah@hog", "MemoryMax")["MemoryMax"]
        self.m("systemctl", "stop", "mynah@hog")
        return f"MemoryMax {int(most) >> 20} MiB of 1024: oom-kill, and restarted"

    def when_memory_is_short_it_unloads_its_model(self) -> str:
        self.m("systemctl", "start", "mynah@a")
        self.m("systemd-run", "--unit=short", "--property=MemoryHigh=30M", "python3", "-c", WANTS)
        took = self.m.wait(lambda: "model.put_away" in self.m.journal("-u", "mynah@a"), 300)
        slots = self._slots()
        self.m.wait(lambda: self._slots() >= slots + 3, 300)
        self.m("systemctl", "stop", "mynah@a", "short")
        return f"unloaded {took:.0f} s after others had to wait for memory; then three more slots were used"

    def a_training_reaches_no_address(self) -> str:
        denied = self._journal_of("mynah-retrain@denied", SENDS.format(""))
        allowed = self._journal_of("mynah-retrain@allowed", SENDS.format("IPAddressDeny="))
        assert "PermissionError: [Errno 1]" in denied, denied
        assert "Error" not in allowed, allowed
        return "IPAddressDeny=any alone blocks a datagram to 127.0.0.1; without it the datagram is sent"

    def with_a_gpu_it_opens_no_other_device(self) -> str:
        self.m("mknod", "-m", "666", "/opt/other", "c", "4", "66")  # a serial line
        self.m("mknod", "-m", "666", "/opt/random", "c", "1", "9")  # allowed by `closed`
        gpu = "PrivateDevices=no\nDevicePolicy=closed\nDeviceAllow=char-nvidia rw\n"
        other = self._journal_of("mynah@other", OPENS.format("other") + gpu)
        allowed = self._journal_of("mynah@random", OPENS.format("random") + gpu)
        assert "PermissionError: [Errno 1]" in other, other
        assert "Error" not in allowed, allowed
        return "DevicePolicy=closed: a serial line that everybody may open cannot be opened, /dev/urandom opens"

    def a_clock_that_is_set_does_not_stop_it(self) -> str:
        self.m("systemctl", "start", "mynah@a")
        times = [f"{step}: {self._seconds_after(step):.0f} s" for step in ("now", "+2 hours", "-5 hours")]
        self.m("systemctl", "stop", "mynah@a")
        return f"one process, never restarted; three more slots within {', '.join(times)}"

    def _seconds_after(self, step: str) -> float:
        """Seconds until three more slots were used after the clock was set."""
        before, slots = self.m.properties("mynah@a", "MainPID", "NRestarts", "ActiveState"), self._slots()
        self.m("date", "-s", step)
        took = self.m.wait(lambda: self._slots() >= slots + 3, 300)
        assert self.m.properties("mynah@a", "MainPID", "NRestarts", "ActiveState") == before
        assert before["ActiveState"] == "active", before
        return took

    def _slots(self) -> int:
        code = "import sqlite3, sys; print(*next(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM slot')))"
        return int(self.m("python3", "-c", code, "/var/lib/mynah/a/history.db"))

    def _override(self, unit: str, drop_in: str) -> None:
        self.m.write(f"/etc/systemd/system/{unit}.service.d/test.conf", drop_in)
        self.m("systemctl", "daemon-reload")

    def _journal_of(self, unit: str, drop_in: str) -> str:
        """The journal of a unit that runs once."""
        self._override(unit, drop_in)
        self.m("systemctl", "start", unit, check=False)
        return self.m.journal("-u", unit)
