"""What `mynah status` and the metrics report about the history and the heartbeat."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import cli
from bot.clock import stamp
from bot.config.settings import Settings
from bot.config.state_dir import StateDir
from bot.history import mentions, refusals
from bot.history.store import Store
from bot.running import status
from bot.values import Draft, Mention, Reason, Slot
from tests.fakes import NOON

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SNOWFLAKES = 1_288_834_974_657


def mention(written_ago: timedelta) -> Mention:
    number = str((int((NOON - written_ago).timestamp() * 1000) - SNOWFLAKES) << 22)
    return Mention(number, "7", "magpie", "@crow hello", (), number, is_reply=False, is_repost=False, first=number)


def test_slots_refusals_and_the_lag_of_mentions_are_reported(tmp_path: Path) -> None:
    folder = StateDir(tmp_path)
    with Store.open(folder.history) as store:
        store.close_slot(Slot("early", NOON - timedelta(hours=2)), "spoken", dry=True, detail="", at=NOON)
        store.close_slot(Slot("late", NOON - timedelta(hours=1)), "skipped", dry=True, detail="", at=NOON)
        drafts = [(Draft("a"), Reason("slur")), (Draft("b"), Reason("slur")), (Draft("c"), Reason("link"))]
        refusals.add(store, drafts, slot=Slot("late", NOON), dry=True, model="m", at=NOON)
        mentions.add(store, mention(timedelta(minutes=9)), None, others=(), listen=False, at=NOON)
        mentions.add(store, mention(timedelta(minutes=2)), None, others=(), listen=False, at=NOON)

    row = status.row(Settings(state=tmp_path), folder, NOON)

    assert (row["last_slot"], row["last_slot_was"]) == (stamp(NOON - timedelta(hours=1)), "skipped")
    assert row["refusals"] == {"link": 1, "slur": 2}
    assert row["mention_lag"] == 540.0
    assert (row["running"], row["heartbeat_age"]) == (False, None)


def test_failing_heartbeats_are_an_alert_after_three_minutes(tmp_path: Path) -> None:
    folder = StateDir(tmp_path)
    settings = Settings(state=tmp_path)
    with folder.hold({"since": stamp(NOON), "live": False, "every": None, "bot": "crow"}):
        os.utime(tmp_path / "holder.json", (NOON.timestamp(), NOON.timestamp()))

        after_two = status.row(settings, folder, NOON + timedelta(minutes=2))
        after_four = status.row(settings, folder, NOON + timedelta(minutes=4))

    assert (after_two["heartbeat_age"], after_four["heartbeat_age"]) == (120.0, 240.0)
    assert not any("heartbeat" in alert for alert in after_two["alerts"])
    assert any("no heartbeat has succeeded since" in alert for alert in after_four["alerts"])
    assert status.why_unhealthy(after_two) == ""
    assert status.why_unhealthy(after_four).startswith("no heartbeat has succeeded within 180 s")


def test_the_check_for_a_supervisor_is_one_sentence_and_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--state", str(tmp_path), "status", "--check"]
    stopped = cli.main(command), capsys.readouterr().out

    with StateDir(tmp_path).hold({"since": stamp(NOON), "live": False, "every": None, "bot": "crow"}):
        running = cli.main(command), capsys.readouterr().out

    assert stopped == (1, "no bot is running\n")
    assert running == (0, "running; the last heartbeat was 0 s ago\n")
