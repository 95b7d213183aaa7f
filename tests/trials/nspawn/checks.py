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

LOOK = """[Service]
Environment=OMP_NUM_THREADS=1
ExecStartPre=/bin/sh -c 'echo CREDENTIALS=$$CREDENTIALS_DIRECTORY.'
ExecStartPre=/bin/sh -c 'while read name rest; do echo DEVICE=$$name; done < /proc/net/dev'
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
        if self.delay and b"Rain" in request.body:
            self.reached.set()
            threading.Event().wait(self.delay)
        return answer


class Bots:
    """How the machine and its bots are asked."""

    def __init__(self, machine: Machine, x: SlowX) -> None:
        self.m = machine
        self.x = x

    def config(self, bot: str, more: str = "", prompts: str = '["My dream is"]') -> None:
        text = f'bot = "{newcomer().handle}"\nlive = true\n{more}\n[x]\nbase_url = "{self.x.url}"\n'
        engine = "torch" if bot == "a" else "light"  # both have to live by the unit's rules
        text += f'[voice]\nengine = "{engine}"\nprompts = {prompts}\n'
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


class Checks(Bots):
    """Each goes on from where the last one ended."""

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
        return next(line for line in told.splitlines() if line.startswith("mynah:"))[:100]

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
        as_b = ("setpriv", f"--reuid={uids['b']}", "--clear-groups", "cat")
        for path in (
            "/var/lib/mynah/a/history.db",
            "/etc/mynah/a/keys/consumer_key",
            "/run/credentials/mynah@a.service/consumer_key",
        ):
            told = self.m(*as_b, path, check=False)
            assert "Permission denied" in told, f"{path}: {told}"
        self.m(*as_b, f"/proc/{self.pid('b')}/status")
        self.m.wait(lambda: any(row["state"] == "posted" for row in self.history("b")), 60)
        self.m("systemctl", "stop", "mynah@b")
        assert self.is_active("a")
        return f"users {uids['a']} and {uids['b']}; b may read neither a's history nor a's keys; b stopped, a lives"

    def the_timer_retrains_without_network_and_keys_and_the_bot_takes_the_model_over(self) -> str:
        timer = "[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=100ms\n"
        self.m.write("/etc/systemd/system/mynah-retrain@.timer.d/test.conf", timer)
        self.m.write("/etc/systemd/system/mynah-retrain@.service.d/test.conf", LOOK)
        self.m("systemctl", "daemon-reload")
        self.m("systemctl", "start", "mynah-retrain@a.timer")
        ended = "ExecMainExitTimestampMonotonic"
        took = self.m.wait(lambda: self.m.shown("mynah-retrain@a", ended)[ended] != "0", 540)
        shown = self.m.shown("mynah-retrain@a", "Result", "ExecMainStatus")
        said = self.m.journal("-u", "mynah-retrain@a")
        assert shown == {"Result": "success", "ExecMainStatus": "0"}, said[-2000:]
        devices = [line for line in said.splitlines() if line.startswith("DEVICE=") and line.endswith(":")]
        assert devices == ["DEVICE=lo:"], devices
        assert "CREDENTIALS=." in said.splitlines()
        new = self.m("readlink", "/var/lib/mynah/a/models/current").strip().split("/")[-1]
        taken = f'"model": "{new}", "event": "model.taken_over"'
        self.m.wait(lambda: taken in self.m.journal("-u", "mynah@a"), 60)
        return f"trained in {took:.0f} s with lo alone and no credentials; {new} speaks"

    def moved_and_put_back_it_goes_on(self) -> str:
        """As docs/operating.md says to move to another machine; here it comes back to the same one."""
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
        return f"{len(before)} posts came along, and it speaks on"

    def nothing_was_said_twice(self) -> str:
        self.m("systemctl", "stop", "mynah@a")
        texts = self.x.world.texts
        states = {row["state"] for bot in "abc" for row in self.history(bot)}
        assert states <= {"posted", "expired", "refused"}, states
        said = sorted(row["text"] for bot in "abc" for row in self.history(bot) if row["state"] == "posted")
        assert said == sorted(texts), (set(said) ^ set(texts), len(said), len(texts))
        assert len(set(texts)) == len(texts)
        return f"{len(texts)} posts at X, {len(texts)} in the histories as posted; nothing in flight"
