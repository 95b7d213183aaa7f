"""`mynah notify`, and notifications of a real `mynah run`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bot.cli import main
from tests.installed import mynah
from tests.running.notifications.servers import ntfy_server

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("MYNAH_STATE", str(tmp_path / "state"))


def test_a_test_goes_to_each_target_and_fails_if_one_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ntfy_server() as phone, ntfy_server() as tablet:
        tablet.answers = [401]
        monkeypatch.setenv("MYNAH_NOTIFY__TARGETS", f"phone={phone.url}\ntablet={tablet.url}")
        monkeypatch.setenv("MYNAH_WEB__URL", "https://mynah.example.org")
        codes = [main(["notify", "--test", "--json"]), main(["notify", "--test"])]

    printed = capsys.readouterr().out
    rows = [json.loads(line) for line in printed.splitlines()[:2]]
    assert codes == [1, 0]
    assert rows == [
        {"target": "phone", "service": "ntfy", "state": "sent"},
        {"target": "tablet", "service": "ntfy", "state": "failed: it answered 401"},
    ]
    assert phone.messages[0]["title"] == "@stationmynahbot: a test"
    assert phone.messages[0]["message"] == "Notifications arrive here.\n\nhttps://mynah.example.org"
    assert "canary" not in printed


def test_without_targets_it_says_where_to_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["notify"])

    assert code == 1
    assert (
        "there are no targets: write Apprise URLs, one per line, into the file notify_targets"
        in capsys.readouterr().err
    )


def test_a_round_tells_of_its_draft_and_the_list_says_so(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ntfy_server() as phone:
        targets = {"MYNAH_NOTIFY__TARGETS": phone.url, "MYNAH_NOTIFY__QUIET_TO": "22:00"}
        before = mynah("notify", state=state, **targets)
        ran = mynah("run", "--dry-run", "--mode", "review", "--once", state=state, **targets)
        after = mynah("status", "--json", state=state, **targets)

    (message,) = phone.messages
    assert "nothing sent yet" in before.stdout
    assert ran.returncode == 0, ran.stderr
    assert message["title"] == "@stationmynahbot: 1 draft waits for you"
    assert '"event": "notification.sent"' in ran.stdout
    assert json.loads(after.stdout)["notifications"]["ntfy"].startswith("sent at")
    assert "canary" not in before.stdout + ran.stdout + ran.stderr + after.stdout
