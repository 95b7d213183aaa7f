"""The installed command from outside: arguments in; output, exit codes and files out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from argparse import Namespace
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.commands.operation import _until
from bot.config.state_dir import StateDir
from bot.history.store import Store
from bot.values import Draft, Slot
from tests.fakes import NOON
from tests.installed import MYNAH, SENTENCES, dry_run, environment, lines, mynah, rounds
from training.models import registry

if TYPE_CHECKING:
    from collections.abc import Callable


def add_post(state: Path, text: str = "hello there", *, moves: tuple[str, ...] = ("approved", "sending")) -> int:
    """A post in a live history that went through `moves`."""
    StateDir(state).make()
    with Store.open(state / "history.db") as store:
        post = store.add_draft(
            Draft(text), slot=Slot(text, NOON), norm=text, length=len(text), dry=False, model="m", at=NOON
        )
        for move in moves:
            store.move(post, move, at=NOON)
    return post


# run


def test_one_round_by_hand_is_a_dry_run_that_logs_everything(state: Path) -> None:
    result = mynah("run", "--once", state=state)

    assert result.returncode == 0, result.stderr
    (round_,) = rounds(result.stdout)
    assert round_["outcome"] == "dry"
    assert round_["text"] in SENTENCES
    assert round_["length"] == len(round_["text"])
    assert round_["cost"] == "$0.015"
    assert {"slot", "prompt", "refused", "seed", "model"} <= set(round_)


def test_rounds_continue_until_a_signal_and_no_slot_is_used_twice(state: Path) -> None:
    with dry_run(state) as run:
        assert run.stdout is not None
        rows = []
        for line in run.stdout:
            rows.append(json.loads(line))
            if sum(row["event"] == "round.ended" for row in rows) == 3:
                break
        run.send_signal(signal.SIGINT)
        rest, errors = run.communicate(timeout=60)

    finished_rounds = [row for row in [*rows, *lines(rest)] if row["event"] == "round.ended"]
    assert run.returncode == 0
    assert errors == ""
    assert len({row["slot"] for row in finished_rounds}) == len(finished_rounds) >= 3


def test_after_a_kill_it_continues_and_the_history_is_intact(state: Path) -> None:
    for _ in range(2):
        with dry_run(state) as run:
            assert run.stdout is not None
            next(line for line in run.stdout if "round.ended" in line)
            run.kill()

    plain = sqlite3.connect(state / "history.db")
    slots = [slot for (slot,) in plain.execute("SELECT slot FROM post")]
    assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(set(slots)) == len(slots) >= 2
    plain.close()


def test_a_model_promoted_while_running_is_used_without_a_restart(state: Path) -> None:
    new_version = state / "models" / "20261121T120000Z-0000"
    shutil.copytree(current(state), new_version)
    with dry_run(state) as run:
        assert run.stdout is not None
        next(line for line in run.stdout if "round.ended" in line)
        registry.promote(new_version)
        event = next(json.loads(line) for line in run.stdout if "model.taken_over" in line)
        after = next(json.loads(line) for line in run.stdout if '"model": "' in line and "round.ended" in line)
        run.terminate()
        run.communicate(timeout=60)

    assert event["model"] == after["model"] == new_version.name
    assert run.returncode == 0


def test_a_second_process_is_told_which_process_holds_the_folder(state: Path) -> None:
    with StateDir(state).hold({"since": "noon"}):
        result = mynah("run", "--once", state=state)

    assert result.returncode == 75
    assert f"in use by process {os.getpid()} (since noon)" in result.stderr


def test_going_live_without_keys_names_the_missing_keys(state: Path) -> None:
    result = mynah("run", "--live", "--once", state=state)

    assert result.returncode == 78
    assert "x.consumer_key, x.consumer_secret, x.access_token, x.access_token_secret." in result.stderr
    assert not (state / "history.db").exists()


def test_a_history_of_another_account_is_refused(state: Path) -> None:
    keys = {f"MYNAH_X__{name}": "k" for name in ("CONSUMER_KEY", "CONSUMER_SECRET", "ACCESS_TOKEN_SECRET")}
    Store.open(state / "history.db").close()
    with Store.open(state / "history.db") as store:
        store.keep_meta("account", "111")

    result = mynah("run", "--live", "--once", state=state, MYNAH_X__ACCESS_TOKEN="222-x", **keys)

    assert result.returncode == 78
    assert "account 222" in result.stderr
    assert "to 111" in result.stderr


# Errors: one clear sentence, the right exit code, no traceback


@pytest.mark.parametrize(
    ("damage_state", "code", "message"),
    [
        pytest.param(lambda s: (s / "history.db").mkdir(), 1, "state folder", id="history is a folder"),
        pytest.param(lambda s: (s / "history.db").write_bytes(b"x" * 5000), 78, "no SQLite file", id="not a history"),
        pytest.param(lambda s: damage(s, "model.safetensors"), 1, "model.safetensors", id="damaged weights"),
        pytest.param(lambda s: damage(s, "manifest.json"), 1, "manifest.json", id="damaged manifest"),
        pytest.param(lambda s: shutil.rmtree(current(s)), 1, "gone", id="model gone"),
    ],
)
def test_a_broken_state_folder_gives_one_sentence(
    state: Path, damage_state: Callable[[Path], object], code: int, message: str
) -> None:
    damage_state(state)

    result = mynah("run", "--once", state=state)

    assert result.returncode == code
    assert message in result.stderr
    assert result.stderr.startswith("mynah: ")
    assert "Traceback" not in result.stderr + result.stdout


def current(state: Path) -> Path:
    return (state / "models" / "current").resolve()


def damage(state: Path, name: str) -> None:
    path = current(state) / name
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("text", "message"),
    [("nope = 1", "nope: unknown key"), ("a = = b", "not valid TOML"), (None, "Is a directory")],
    ids=["unknown key", "broken", "folder"],
)
def test_a_wrong_configuration_exits_78(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "config.toml"
    path.mkdir() if text is None else path.write_text(text)

    for command in (["run", "--once"], ["config", "--check"], ["status"]):
        result = mynah("--config", path, *command, state=tmp_path / "state")

        assert result.returncode == 78
        assert message in result.stderr
        assert "Traceback" not in result.stderr


def test_a_configuration_with_a_missing_list_is_not_valid(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('screen.deny_file = "/nowhere/deny.txt"')

    result = mynah("--config", path, "config", "--check", state=tmp_path / "state")

    assert (result.returncode, result.stdout) == (78, "")
    assert "screen.deny_file: /nowhere/deny.txt is not a file" in result.stderr


def test_a_state_folder_that_is_a_file_is_wrong_usage_as_an_option_and_else_a_wrong_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")

    option = mynah("run", "--once", state=tmp_path / "file")
    variable = subprocess.run(
        [MYNAH, "run", "--once"], check=False, capture_output=True, text=True, timeout=120,
        env=environment(MYNAH_STATE=str(tmp_path / "file")),
    )  # fmt: skip

    assert (option.returncode, variable.returncode) == (2, 78)
    assert "not a folder" in option.stderr
    assert "not a folder" in variable.stderr


def test_a_state_folder_that_cannot_be_created_gives_one_sentence(tmp_path: Path) -> None:
    result = mynah("run", "--once", state=Path("/proc/nowhere/state"))

    assert result.returncode == 1
    assert "/proc/nowhere/state cannot be made" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["sing"], id="unknown command"),
        pytest.param(["run", "--every", "soon"], id="no duration"),
        pytest.param(["run", "--live", "--dry-run"], id="two modes"),
        pytest.param(["sample", "-n", "-1"], id="no number"),
        pytest.param(["history", "-n", "9" * 31], id="a number without end"),
        pytest.param(["history", "--in-state", "unkown"], id="no state"),
        pytest.param(["resolve", "1", "posted", "--x-id", "²"], id="no id"),
    ],
)
def test_wrong_usage_exits_2(tmp_path: Path, arguments: list[str]) -> None:
    result = mynah(*arguments, state=tmp_path)

    assert result.returncode == 2
    assert "usage: mynah" in result.stderr


# Commands that only read


def test_sample_shows_drafts_with_verdicts(state: Path) -> None:
    result = mynah("sample", "My dream is", "-n", "4", "--json", state=state)

    rows = lines(result.stdout)
    assert result.returncode == 0, result.stderr
    assert len(rows) == 4
    assert all(row["text"].startswith("My dream is") for row in rows)
    keys = {"text", "verdict", "chosen", "score", "parts", "likelihood", "reasons"}
    assert {frozenset(row) for row in rows} == {frozenset(keys)}
    fit = [row["score"] for row in rows if row["verdict"] == "pass"]
    assert fit == sorted(fit, reverse=True)
    assert [row["verdict"] for row in rows] == ["pass"] * len(fit) + ["refuse"] * (4 - len(fit))
    assert [row["chosen"] for row in rows] == [bool(fit), False, False, False]
    assert mynah("sample", "My dream is", "-n", "4", "--json", state=state).stdout == result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["word " * 400], "tokens and the model reads"),
        (["--as", "@Rook"], "cannot speak as @rook alone"),
    ],
    ids=["too long", "unknown author"],
)
def test_a_prompt_that_the_model_cannot_use_gives_one_sentence(
    state: Path, arguments: list[str], sentence: str
) -> None:
    result = mynah("sample", *arguments, state=state)

    assert result.returncode == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_sample_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    result = mynah("sample", state=tmp_path)

    assert result.returncode == 1
    assert "`mynah retrain`" in result.stderr


def test_screen_gives_a_verdict_and_its_reasons(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\ufeffA fine sentence.\n@you look at https://example.org\n\n")

    result = mynah("screen", "--file", texts, "--json", state=tmp_path)

    fine, bad = lines(result.stdout)
    assert result.returncode == 0
    assert (fine["verdict"], fine["reasons"]) == ("pass", [])
    assert bad["verdict"] == "refuse"
    assert {"link", "mention"} <= set(bad["reasons"])


def test_history_shows_rows_with_stable_keys(state: Path) -> None:
    add_post(state)

    (row,) = lines(mynah("history", "--json", state=state).stdout)

    assert {"id", "kind", "slot", "text", "state", "x_id", "reply_to", "created_at"} <= set(row)
    assert (row["text"], row["state"], row["created_at"]) == ("hello there", "sending", "2026-11-20T12:00:00.000Z")


def test_history_as_csv_has_a_header_and_the_same_rows(state: Path) -> None:
    add_post(state, 'a "quoted", text')

    header, row = mynah("history", "--csv", state=state).stdout.splitlines()

    assert header.startswith("id,kind,")
    assert '"a ""quoted"", text"' in row


def test_an_empty_history_is_not_an_error(tmp_path: Path) -> None:
    assert mynah("history", state=tmp_path).stdout == "nothing yet\n"
    assert mynah("history", "--json", state=tmp_path).stdout == ""


def test_status_shows_mode_model_and_posts(state: Path) -> None:
    unknown = add_post(state, moves=("approved", "sending", "unknown"))

    (row,) = lines(mynah("status", "--json", state=state, MYNAH_LIVE="true").stdout)

    assert (row["running"], row["mode"], row["unknown"]) == (False, "live", [unknown])
    assert row["model"] == current(state).name
    assert row["posts"] == {"unknown": 1}
    assert row["next_slot"] > "2026"


def test_status_shows_the_running_process(state: Path) -> None:
    with StateDir(state).hold({"since": "noon", "live": False, "every": 5.0}):
        (row,) = lines(mynah("status", "--json", state=state).stdout)

    assert (row["running"], row["pid"], row["mode"]) == (True, os.getpid(), "dry")


def test_config_shows_values_their_sources_and_no_secret(tmp_path: Path) -> None:
    result = mynah("config", state=tmp_path, MYNAH_X__CONSUMER_KEY="canary", MYNAH_BOT="@someone_bot")

    assert result.returncode == 0
    assert "canary" not in result.stdout
    assert "someone_bot" in result.stdout
    rows = {row["key"]: row for row in lines(mynah("config", "--json", state=tmp_path, MYNAH_BOT="a").stdout)}
    assert (rows["bot"]["value"], rows["bot"]["source"]) == ("a", "environment")
    assert rows["state"]["source"] == "flag"
    assert rows["schedule.jitter"]["value"] == "20m"


# pause and resolve


def test_a_pause_prevents_rounds_until_resume(state: Path) -> None:
    assert mynah("pause", state=state).returncode == 0

    during = mynah("run", "--once", state=state)
    assert during.returncode == 75
    assert "paused" in rounds(during.stdout)[0]["detail"]
    assert mynah("resume", state=state).returncode == 0
    assert mynah("run", "--once", state=state).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "after"),
    [(["abandoned"], ("abandoned", None)), (["posted", "--x-id", "77"], ("posted", "77"))],
    ids=["abandoned", "posted"],
)
def test_an_unknown_post_is_resolved_by_hand(state: Path, arguments: list[str], after: tuple[str, str | None]) -> None:
    post = add_post(state, moves=("approved", "sending", "unknown"))

    result = mynah("resolve", str(post), *arguments, state=state)

    assert result.returncode == 0, result.stderr
    (row,) = lines(mynah("history", "--json", state=state).stdout)
    assert (row["state"], row["x_id"]) == after


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["1", "posted"], "--x-id", id="posted without its id"),
        pytest.param(["1", "abandoned", "--x-id", "7"], "--x-id", id="abandoned with an id"),
        pytest.param(["1", "posted", "--x-id", "9223372036854775807"], "yet to come", id="an id of the future"),
        pytest.param(["1", "abandoned"], "is sending", id="not unknown"),
        pytest.param(["9", "abandoned"], "no post 9", id="not there"),
    ],
)
def test_a_post_that_cannot_be_resolved_gives_one_sentence(state: Path, arguments: list[str], message: str) -> None:
    add_post(state)

    result = mynah("resolve", *arguments, state=state)

    assert result.returncode == 1
    assert message in result.stderr


def test_one_post_on_x_cannot_belong_to_two_rows(state: Path) -> None:
    add_post(state, "good morning", moves=("approved", "sending", "unknown"))
    assert mynah("resolve", "1", "posted", "--x-id", "77", state=state).returncode == 0
    add_post(state, "good night", moves=("approved", "sending", "unknown"))

    result = mynah("resolve", "2", "posted", "--x-id", "77", state=state)

    assert result.returncode == 1
    assert "77 already belongs to another post" in result.stderr


def test_an_abandoned_post_is_not_abandoned_twice(state: Path) -> None:
    add_post(state, moves=("approved", "sending", "unknown", "abandoned"))

    result = mynah("resolve", "1", "abandoned", state=state)

    assert result.returncode == 1
    assert "post 1 is abandoned" in result.stderr


@pytest.mark.parametrize(
    ("until", "zone", "end"),
    [
        ("2999-12-24T18:30", "Europe/Lisbon", "until 24 December 2999 18:30 WET"),
        ("2999-07-24T18:30", "Europe/Lisbon", "until 24 July 2999 18:30 WEST"),
        ("2999-07-24T18:30+02:00", "UTC", "until 24 July 2999 16:30 UTC"),
        ("9999-12-31T23:59", "America/Los_Angeles", "until `mynah resume`"),
    ],
)
def test_a_pause_ends_at_a_time_in_the_schedules_zone(tmp_path: Path, until: str, zone: str, end: str) -> None:
    result = mynah("pause", "--until", until, state=tmp_path, MYNAH_SCHEDULE__TIMEZONE=zone)

    assert result.stdout.startswith("paused: nothing is posted ")
    assert result.stdout.endswith(f"{end}\n")


def test_a_pause_can_end_at_a_time_of_day(tmp_path: Path) -> None:
    result = mynah("pause", "--until", "18:30", state=tmp_path)

    assert result.stdout.endswith(" 18:30 UTC\n"), result.stderr


@pytest.mark.parametrize(
    ("until", "code", "message"), [("2020-01-01T00:00", 1, "is in the past"), ("soon", 2, "is not a time")]
)
def test_a_pause_until_the_past_or_an_invalid_time_is_refused(
    tmp_path: Path, until: str, code: int, message: str
) -> None:
    result = mynah("pause", "--until", until, state=tmp_path)

    assert (result.returncode, message in result.stderr) == (code, True)


@pytest.mark.parametrize(
    ("now", "until", "end"),
    [("09:10", "01:30", "09:30"), ("08:50", "01:10", "09:10"), ("08:10", "01:30", "08:30")],
    ids=["the second time", "both times in one", "the first time"],
)
def test_a_pause_until_a_repeated_hour_ends_at_its_next_occurrence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, until: str, end: str
) -> None:
    monkeypatch.setenv("MYNAH_SCHEDULE__TIMEZONE", "America/Los_Angeles")
    args = Namespace(config=None, state=tmp_path, until=time.fromisoformat(until))

    result = _until(args, datetime.fromisoformat(f"2026-11-01T{now}Z"))

    assert result == datetime.fromisoformat(f"2026-11-01T{end}Z")
