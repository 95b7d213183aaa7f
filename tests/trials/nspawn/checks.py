"""The checks in the booted machine, one method each, in order."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.fake_x.server import FakeX
from tests.fake_x.state import newcomer
from tests.trials.nspawn.machine import MYNAH

if TYPE_CHECKING:
    from tests.trials.nspawn.machine import Machine

SHOW_ENVIRONMENT = """[Service]
Environment=OMP_NUM_THREADS=1
ExecStartPre=/bin/sh -c 'echo CREDENTIALS=$$CREDENTIALS_DIRECTORY.'
ExecStartPre=/bin/sh -c 'while read name rest; do echo DEVICE=$$name; done < /proc/net/dev'
"""
KEYS = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
OPEN = '[posting]\nmin_gap = "1s"\nmax_per_hour = 9999\nmax_per_day = 9999\n[budget]\nper_day = 999\nper_month = 999\n'
GATE = (
    "[gate]\nbeat_base = false\ntold_apart_most = 1\ncopied_over_author = 1\nexact_most = 1\n"
    "distinct_least = 0\nlikeness_least = 0\n"
)


class SlowX(FakeX):
    """Makes a post at once and responds after `delay` seconds."""

    delay = 0.0
    reached = threading.Event()

    def take(self, request: Any) -> Any:
        answer = super().take(request)
        if self.delay and b"Rain" in request.body:
            self.reached.set()
            threading.Event().wait(self.delay)
        return answer


class Bots:
    """Access to the machine and its bots."""

    def __init__(self, machine: Machine, x: SlowX) -> None:
        self.m = machine
        self.x = x

    def config(self, bot: str, more: str = "", prompts: str = '["My dream is"]') -> None:
        text = f'bot = "{newcomer().handle}"\nlive = true\n{more}\n[x]\nbase_url = "{self.x.url}"\n'
        engine = "torch" if bot == "a" else "light"  # both must work in the unit's sandbox
        text += f'[voice]\nengine = "{engine}"\nprompts = {prompts}\n'
        text += f'mix = {{ none = 0, prompts = 1, openers = 0, topics = 0 }}\n[backup]\nevery = "0s"\n{OPEN}{GATE}'
        self.m.write(f"/etc/mynah/{bot}/config.toml", text)

    def keys(self, bot: str) -> None:
        user = newcomer()
        values = (user.secrets.consumer_key, user.secrets.consumer_secret, user.access_token, user.secrets.token_secret)
        for name, value in zip(KEYS, values, strict=True):
            self.m.write(f"/etc/mynah/{bot}/keys/{name}", value, 0o600)

    def pid(self, bot: str) -> str:
        return self.m.properties(f"mynah@{bot}", "MainPID")["MainPID"]

    def is_active(self, bot: str) -> bool:
        return self.m.properties(f"mynah@{bot}", "ActiveState")["ActiveState"] == "active"

    def mynah(self, bot: str, *words: str) -> str:
        return self.m(
            str(MYNAH), "--config", f"/etc/mynah/{bot}/config.toml", "--state", f"/var/lib/mynah/{bot}", *words
        )

    def slots(self, bot: str) -> list[datetime]:
        code = "import sqlite3, sys\nfor row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row)"
        ask = "SELECT due FROM slot ORDER BY due"
        output = self.m("python3", "-c", code, f"/var/lib/mynah/{bot}/history.db", ask).split()
        return [datetime.fromisoformat(one) for one in output]

    def history(self, bot: str) -> list[dict[str, Any]]:
        output = self.mynah(bot, "history", "--live", "--json", "--limit", "999")
        return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


class Checks(Bots):
    """Each check continues in the state that the last one left."""

    def start_with_credentials_until_ready(self) -> str:
        took = self.m.wait(lambda: self.m("systemctl", "start", "mynah@a") == "", 1)
        assert self.is_active("a")
        self.m.wait(lambda: self.x.world.texts, 60)
        environment = self.m("cat", f"/proc/{self.pid('a')}/environ")
        properties = self.m("systemctl", "show", "mynah@a")
        assert newcomer().secrets.token_secret not in environment + properties
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

    def an_invalid_configuration_is_refused(self) -> str:
        self.config("a", more="nonsense = 1")
        self.m("systemctl", "reload", "mynah@a")
        self.m.wait(lambda: "configuration.refused" in self.m.journal("-u", "mynah@a"), 30)
        self.config("a")
        self.m.wait(lambda: self.is_active("a"), 10)
        return "configuration.refused, and it is active"

    def killed_it_is_restarted(self) -> str:
        before = self.pid("a")
        self.m("systemctl", "kill", "-s", "KILL", "mynah@a")
        took = self.m.wait(lambda: self.pid("a") not in {before, "0"} and self.is_active("a"), 60)
        return f"kill -9: active again after {took:.1f} s"

    def hanging_it_is_killed_by_the_watchdog_with_a_stack_dump(self) -> str:
        before = self.pid("a")
        self.m("systemctl", "kill", "-s", "STOP", "mynah@a")
        took = self.m.wait(lambda: self.pid("a") not in {before, "0"} and self.is_active("a"), 120)
        journal = self.m.journal("-u", "mynah@a")
        assert "Watchdog timeout" in journal
        assert "Fatal Python error: Aborted" in journal
        assert "in _watch" in journal
        return f"watchdog, a stack dump, active again after {took:.1f} s (20 s are the watchdog's)"

    def a_second_process_is_refused(self) -> str:
        output = self.m(
            "sh", "-c", f"{MYNAH} --config /etc/mynah/a/config.toml --state /var/lib/mynah/a run --once; echo exit $?"
        )
        assert "exit 75" in output, output
        return next(line for line in output.splitlines() if line.startswith("mynah:"))[:100]

    def an_invalid_configuration_is_not_restarted_and_reported(self) -> str:
        self.m.write("/etc/mynah/bad/config.toml", "nonsense = 1\n")
        self.m("systemctl", "start", "mynah@bad", check=False)
        status = self.m.properties("mynah@bad", "Result", "ExecMainStatus", "NRestarts", "ActiveState")
        assert (status["ExecMainStatus"], status["NRestarts"], status["ActiveState"]) == (
            "78",
            "0",
            "failed",
        ), status
        self.m.wait(lambda: "mynah@bad.service has failed" in self.m.journal("-t", "mynah-alert"), 20)
        return "exit 78, no restart, and mynah-alert@ has reported it"

    def stopped_during_a_round_it_loses_nothing(self) -> str:
        self.config("c", prompts='["Rain"]')
        self.x.reached.clear()
        self.x.delay = 4.0
        self.m("systemctl", "start", "mynah@c")
        assert self.x.reached.wait(90)
        began = time.monotonic()
        self.m("systemctl", "stop", "mynah@c")
        took = time.monotonic() - began
        self.x.delay = 0.0
        properties = self.m.properties("mynah@c", "Result", "ExecMainStatus")
        assert properties == {"Result": "success", "ExecMainStatus": "0"}, properties
        rows = self.history("c")
        assert {row["state"] for row in rows} <= {"posted", "expired"}, rows
        texts = [row["text"] for row in rows if row["state"] == "posted"]
        assert texts
        assert set(texts) <= set(self.x.world.texts)
        return f"X had the post and had not answered: stopped after {took:.1f} s, the post is in the history as posted"

    def two_bots_are_separated(self) -> str:
        self.config("b", prompts='["Benno"]')
        self.m("systemctl", "start", "mynah@b")
        uids = {bot: self.m("stat", "-c", "%u", f"/proc/{self.pid(bot)}").strip() for bot in "ab"}
        assert uids["a"] != uids["b"]
        assert "0" not in uids.values()
        as_b = ("setpriv", f"--reuid={uids['b']}", "--clear-groups", "cat")
        for path in (
            "/var/lib/mynah/a/history.db",
            "/etc/mynah/a/keys/consumer_key",
            "/run/credentials/mynah@a.service/consumer_key",
        ):
            output = self.m(*as_b, path, check=False)
            assert "Permission denied" in output, f"{path}: {output}"
        self.m(*as_b, f"/proc/{self.pid('b')}/status")
        self.m.wait(lambda: any(row["state"] == "posted" for row in self.history("b")), 60)
        self.m("systemctl", "stop", "mynah@b")
        assert self.is_active("a")
        return f"users {uids['a']} and {uids['b']}; b may read neither a's history nor a's keys; b stopped, a is active"

    def the_timer_retrains_without_network_and_keys_and_the_bot_loads_the_model(self) -> str:
        timer = "[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=100ms\n"
        self.m.write("/etc/systemd/system/mynah-retrain@.timer.d/test.conf", timer)
        self.m.write("/etc/systemd/system/mynah-retrain@.service.d/test.conf", SHOW_ENVIRONMENT)
        self.m("systemctl", "daemon-reload")
        self.m("systemctl", "start", "mynah-retrain@a.timer")
        timestamp = "ExecMainExitTimestampMonotonic"
        took = self.m.wait(lambda: self.m.properties("mynah-retrain@a", timestamp)[timestamp] != "0", 540)
        properties = self.m.properties("mynah-retrain@a", "Result", "ExecMainStatus")
        journal = self.m.journal("-u", "mynah-retrain@a")
        assert properties == {"Result": "success", "ExecMainStatus": "0"}, journal[-2000:]
        devices = [line for line in journal.splitlines() if line.startswith("DEVICE=") and line.endswith(":")]
        assert devices == ["DEVICE=lo:"], devices
        assert "CREDENTIALS=." in journal.splitlines()
        version = self.m("readlink", "/var/lib/mynah/a/models/current").strip().split("/")[-1]
        event = f'"model": "{version}", "event": "model.taken_over"'
        self.m.wait(lambda: event in self.m.journal("-u", "mynah@a"), 60)
        return f"trained in {took:.0f} s with lo alone and no credentials; {version} is loaded"

    def moved_and_restored_it_continues(self) -> str:
        """As docs/operating.md describes moving to another machine; here back to the same one."""
        before = self.history("b")
        assert before
        self.m("tar", "-czpf", "/srv/b.tgz", "-C", "/", "etc/mynah/b", "-C", "/var/lib/private", "mynah/b")
        self.m("rm", "-r", "/etc/mynah/b", "/var/lib/private/mynah/b", "/var/lib/mynah/b")
        self.m(str(MYNAH), "install-units", "--bot", "b")
        self.m("tar", "-C", "/", "-xzpf", "/srv/b.tgz", "--no-same-owner", "etc")
        self.m("tar", "-C", "/var/lib", "-xzpf", "/srv/b.tgz", "--no-same-owner", "mynah")
        self.m("systemctl", "start", "mynah@b")
        self.m.wait(lambda: len(self.slots("b")) > len(before) + 1, 60)
        self.m("systemctl", "stop", "mynah@b")
        after = {row["id"]: row["text"] for row in self.history("b")}
        assert {row["id"]: row["text"] for row in before}.items() <= after.items()
        return f"{len(before)} posts were kept, and it posts on"

    def nothing_was_posted_twice(self) -> str:
        self.m("systemctl", "stop", "mynah@a")
        texts = self.x.world.texts
        states = {row["state"] for bot in "abc" for row in self.history(bot)}
        assert states <= {"posted", "expired", "refused"}, states
        texts = sorted(row["text"] for bot in "abc" for row in self.history(bot) if row["state"] == "posted")
        assert texts == sorted(texts), (set(texts) ^ set(texts), len(texts), len(texts))
        assert len(set(texts)) == len(texts)
        return f"{len(texts)} posts at X, {len(texts)} in the histories as posted; nothing in flight"
