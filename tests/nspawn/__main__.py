"""The units in a booted systemd: `make test-systemd`, as root on Debian; a line a check, exit 1 where one fails.

Waits are shortened by a drop-in (a slot each 5 s, the watchdog after 20 s, the next start after 1 s); all else is as
`mynah install-units` leaves it. The bots speak for real to a fake X on this machine.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.nspawn.machine import MYNAH, Machine, furnished, why_not

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE = Path(os.environ.get("MYNAH_NSPAWN", "/var/tmp/mynah-nspawn"))
DROP_IN = f"""[Unit]
StartLimitBurst=100
[Service]
ExecStart=
ExecStart={MYNAH} --config /etc/mynah/%i/config.toml --state /var/lib/mynah/%i run --every 5s
WatchdogSec=20s
RestartSec=1s
Environment=OMP_NUM_THREADS=1
"""
LOOK = """[Service]
Environment=OMP_NUM_THREADS=1
ExecStartPre=/bin/sh -c 'echo CREDENTIALS=$CREDENTIALS_DIRECTORY; cat /proc/net/dev'
"""
KEYS = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
OPEN = '[posting]\nmin_gap = "1s"\nmax_per_hour = 9999\nmax_per_day = 9999\n[budget]\nper_day = 999\nper_month = 999\n'
GATE = "[gate]\nbeat_base = false\ntold_apart_most = 1\ncopied_over_author = 1\nexact_most = 1\ndistinct_least = 0\n"


class SlowX(FakeX):
    """Answers after the post is made, and not before it is told to."""

    delay = 0.0
    reached = threading.Event()

    def take(self, request: Any) -> Any:
        answer = super().take(request)
        if self.delay and request.method == "POST":
            self.reached.set()
            threading.Event().wait(self.delay)
        return answer


class Checks:
    def __init__(self, machine: Machine, x: SlowX) -> None:
        self.m = machine
        self.x = x

    # What the checks ask

    def config(self, bot: str, more: str = "", prompts: str = '["My dream is"]') -> None:
        text = f'bot = "{newcomer().handle}"\nlive = true\n{more}\n[x]\nbase_url = "{self.x.url}"\n'
        text += f"[voice]\nprompts = {prompts}\n"
        text += f'mix = {{ none = 0, prompts = 1, openers = 0, topics = 0 }}\n[backup]\nevery = "0s"\n{OPEN}{GATE}'
        self.m.write(f"/etc/mynah/{bot}/config.toml", text)

    def keys(self, bot: str) -> None:
        user = newcomer()
        values = (user.secrets.consumer_key, user.secrets.consumer_secret, user.access_token, user.secrets.token_secret)
        for name, value in zip(KEYS, values, strict=True):
            self.m.write(f"/etc/mynah/{bot}/keys/{name}", value, 0o600)

    def pid(self, bot: str) -> str:
        return self.m.shown(f"mynah@{bot}", "MainPID")["MainPID"]

    def is_active(self, bot: str) -> bool:
        return self.m.shown(f"mynah@{bot}", "ActiveState")["ActiveState"] == "active"

    def mynah(self, bot: str, *words: str) -> str:
        return self.m(
            str(MYNAH), "--config", f"/etc/mynah/{bot}/config.toml", "--state", f"/var/lib/mynah/{bot}", *words
        )

    def slots(self, bot: str) -> list[datetime]:
        code = "import sqlite3, sys\nfor row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row)"
        ask = "SELECT due FROM slot ORDER BY due"
        told = self.m("python3", "-c", code, f"/var/lib/mynah/{bot}/history.db", ask).split()
        return [datetime.fromisoformat(one) for one in told]

    def history(self, bot: str) -> list[dict[str, Any]]:
        told = self.mynah(bot, "history", "--live", "--json", "--limit", "999")
        return [json.loads(line) for line in told.splitlines() if line.startswith("{")]

    # The checks, in this order: each goes on from where the last one ended

    def start_with_credentials_until_ready(self) -> str:
        took = self.m.wait(lambda: self.m("systemctl", "start", "mynah@a") == "", 1)
        assert self.is_active("a")
        self.m.wait(lambda: self.x.world.texts, 60)
        environment = self.m("cat", f"/proc/{self.pid('a')}/environ")
        shown = self.m("systemctl", "show", "mynah@a")
        assert newcomer().secrets.token_secret not in environment + shown
        return f"ready after {took:.1f} s, posted with keys that neither its environment nor systemctl shows"

    def reload_of_configuration_and_model_misses_no_slot(self) -> str:
        self.m("sh", "-c", "cd /var/lib/mynah/a/models && cp -a 20261120T120000Z-0000 20261121T120000Z-0000")
        self.mynah("a", "promote", "20261121T120000Z-0000")
        self.config("a", prompts='["Today"]')
        began = len(self.slots("a"))
        self.m("systemctl", "reload", "mynah@a")
        self.m.wait(lambda: "configuration.reloaded" in self.m.journal("-u", "mynah@a"), 30)
        self.m.wait(
            lambda: '"model": "20261121T120000Z-0000", "event": "model.taken_over"' in self.m.journal("-u", "mynah@a"),
            60,
        )
        self.m.wait(lambda: len(self.slots("a")) >= began + 3, 60)
        slots = self.slots("a")
        gaps = {(after - before).total_seconds() for before, after in pairwise(slots)}
        assert gaps == {5.0}, gaps
        return f"voice.prompts and a new model taken, {len(slots)} slots without a gap"

    def a_file_with_a_mistake_is_refused(self) -> str:
        self.config("a", more="nonsense = 1")
        self.m("systemctl", "reload", "mynah@a")
        self.m.wait(lambda: "configuration.refused" in self.m.journal("-u", "mynah@a"), 30)
        self.config("a")
        self.m.wait(lambda: self.is_active("a"), 10)
        return "configuration.refused, and it is active"

    def killed_it_comes_back(self) -> str:
        before = self.pid("a")
        self.m("systemctl", "kill", "-s", "KILL", "mynah@a")
        took = self.m.wait(lambda: self.pid("a") not in {before, "0"} and self.is_active("a"), 60)
        return f"kill -9: active again after {took:.1f} s"

    def hung_it_is_killed_by_the_watchdog_with_its_stacks(self) -> str:
        before = self.pid("a")
        self.m("systemctl", "kill", "-s", "STOP", "mynah@a")
        took = self.m.wait(lambda: self.pid("a") not in {before, "0"} and self.is_active("a"), 120)
        said = self.m.journal("-u", "mynah@a")
        assert "Watchdog timeout" in said
        assert "Fatal Python error: Aborted" in said
        assert "in _watch" in said
        return f"watchdog, a stack dump, active again after {took:.1f} s (20 s are the watchdog's)"

    def a_second_one_is_refused(self) -> str:
        told = self.m(
            "sh", "-c", f"{MYNAH} --config /etc/mynah/a/config.toml --state /var/lib/mynah/a run --once; echo exit $?"
        )
        assert "exit 75" in told, told
        return f"exit 75: {told.splitlines()[0][:90]}"

    def a_wrong_configuration_is_not_started_again_and_told(self) -> str:
        self.m.write("/etc/mynah/bad/config.toml", "nonsense = 1\n")
        self.m("systemctl", "start", "mynah@bad", check=False)
        shown = self.m.shown("mynah@bad", "Result", "ExecMainStatus", "NRestarts", "ActiveState")
        assert (shown["ExecMainStatus"], shown["NRestarts"], shown["ActiveState"]) == ("78", "0", "failed"), shown
        self.m.wait(lambda: "mynah@bad.service has failed" in self.m.journal("-t", "mynah-alert"), 20)
        return "exit 78, no restart, and mynah-alert@ has told"

    def stopped_in_the_midst_of_a_round_nothing_is_lost(self) -> str:
        self.config("c", prompts='["Rain"]')
        self.x.reached.clear()
        self.x.delay = 4.0
        self.m("systemctl", "start", "mynah@c")
        assert self.x.reached.wait(90)
        began = time.monotonic()
        self.m("systemctl", "stop", "mynah@c")
        took = time.monotonic() - began
        self.x.delay = 0.0
        shown = self.m.shown("mynah@c", "Result", "ExecMainStatus")
        assert shown == {"Result": "success", "ExecMainStatus": "0"}, shown
        rows = self.history("c")
        assert {row["state"] for row in rows} <= {"posted", "expired"}, rows
        said = [row["text"] for row in rows if row["state"] == "posted"]
        assert said
        assert set(said) <= set(self.x.world.texts)
        return f"X had the post and had not answered: stopped after {took:.1f} s, the post is in the history as posted"

    def two_bots_are_apart(self) -> str:
        self.config("b", prompts='["Benno"]')
        self.m("systemctl", "start", "mynah@b")
        uids = {bot: self.m("stat", "-c", "%u", f"/proc/{self.pid(bot)}").strip() for bot in "ab"}
        assert uids["a"] != uids["b"]
        assert "0" not in uids.values()
        peek = (
            "systemd-run",
            "--quiet",
            "--wait",
            "--pipe",
            f"--uid={uids['b']}",
            "cat",
            "/var/lib/mynah/a/history.db",
        )
        assert "Permission denied" in self.m(*peek, check=False)
        inside = self.m("ls", "/run/credentials/", check=False)
        look = (
            "systemd-run",
            "--quiet",
            "--wait",
            "--pipe",
            f"--uid={uids['b']}",
            "cat",
            "/etc/mynah/a/keys/consumer_key",
        )
        assert "Permission denied" in self.m(*look, check=False)
        assert "mynah@a.service" in inside
        self.m("systemctl", "stop", "mynah@b")
        assert self.is_active("a")
        return f"users {uids['a']} and {uids['b']}; b may read neither a's history nor a's keys; b stopped, a lives"

    def the_timer_retrains_without_network_and_keys_and_the_bot_takes_the_model_over(self) -> str:
        timer = "[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=100ms\n"
        self.m.write("/etc/systemd/system/mynah-retrain@.timer.d/test.conf", timer)
        watch = LOOK
        self.m.write("/etc/systemd/system/mynah-retrain@.service.d/test.conf", watch)
        self.m("systemctl", "daemon-reload")
        self.m("systemctl", "start", "mynah-retrain@a.timer")
        took = self.m.wait(
            lambda: (
                self.m.shown("mynah-retrain@a", "ExecMainExitTimestampMonotonic")["ExecMainExitTimestampMonotonic"]
                != "0"
            ),
            540,
        )
        shown = self.m.shown("mynah-retrain@a", "Result", "ExecMainStatus")
        said = self.m.journal("-u", "mynah-retrain@a")
        assert shown == {"Result": "success", "ExecMainStatus": "0"}, said[-2000:]
        devices = [
            line.split(":")[0].strip()
            for line in said.splitlines()
            if line.count(":") == 1 and "  " in line and line.split(":")[1].strip()[:1].isdigit()
        ]
        assert devices == ["lo"], devices
        assert "CREDENTIALS=\n" in said + "\n"
        new = self.m("readlink", "/var/lib/mynah/a/models/current").strip().split("/")[-1]
        self.m.wait(
            lambda: (
                f'"{new}"'
                in "".join(line for line in self.m.journal("-u", "mynah@a").splitlines() if "model.taken_over" in line)
            ),
            60,
        )
        return f"trained in {took:.0f} s with lo alone and no credentials; {new} speaks"

    def nothing_was_said_twice(self) -> str:
        self.m("systemctl", "stop", "mynah@a")
        texts = self.x.world.texts
        states = {row["state"] for bot in "abc" for row in self.history(bot)}
        assert states <= {"posted", "expired", "refused"}, states
        for bot in "abc":
            ids = [row["x_id"] for row in self.history(bot) if row["x_id"]]
            assert len(set(ids)) == len(ids)
        assert sum(row["state"] == "posted" for bot in "abc" for row in self.history(bot)) == len(texts)
        return f"{len(texts)} posts at X, {len(texts)} in the histories as posted; nothing in flight"


def main() -> int:
    if reason := why_not():
        say(f"skipped: {reason}")
        return 0
    say(f"a machine in {CACHE} (the first time: a Debian is fetched)")
    root = furnished(CACHE)
    failed = 0
    with SlowX(World(newcomer(), now=lambda: datetime.now(UTC))) as x, Machine(root) as machine:
        checks = Checks(machine, x)
        prepare(checks)
        names = [
            name
            for name in vars(Checks)
            if name not in {"config", "keys", "pid", "is_active", "mynah", "slots", "history"}
        ]
        for name in (name for name in names if not name.startswith("_")):
            failed += not passes(name.replace("_", " "), getattr(checks, name))
        if failed:
            say(machine.journal("-u", "mynah@a", "-n", "40"))
    say(f"{failed} failed" if failed else "all hold")
    return 1 if failed else 0


def prepare(checks: Checks) -> None:
    from tests.nspawn.talker import make, sayings

    m = checks.m
    m.write(
        "/srv/tweets.txt",
        "\n".join(f"{one[:-1]}, and it was {number} o'clock." for number in range(12) for one in sayings()),
    )
    for bot in "abc":
        say(m(str(MYNAH), "install-units", "--bot", bot).splitlines()[0])
        checks.config(bot)
        checks.keys(bot)
        checks.mynah(bot, "import", "/srv/tweets.txt", "--as", "@somebody")
    models = make(m.root / "srv/talker")
    for bot in "abc":
        m("cp", "-a", f"/srv/talker/{models.name}", f"/var/lib/mynah/{bot}/models")
    m.write("/etc/systemd/system/mynah@.service.d/test.conf", DROP_IN)
    m("systemctl", "daemon-reload")


def passes(name: str, check: Callable[[], str]) -> bool:
    began = time.monotonic()
    try:
        told = check()
    except Exception as error:  # noqa: BLE001  the next check is tried all the same
        say(f"FAIL  {name}: {error or traceback.format_exc()[-500:]}")
        return False
    say(f"ok    {name}: {told} [{timedelta(seconds=round(time.monotonic() - began))}]")
    return True


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
