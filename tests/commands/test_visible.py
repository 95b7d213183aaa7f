"""What somebody else wrote reaches no terminal, log, JSON or CSV as it came."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.clock import SystemClock
from bot.commands.console import tables
from bot.history import refusals
from bot.history.store import Store
from bot.running import log
from bot.running.logs.lines import LogLines
from bot.text.visible import HIDDEN, in_json, visible
from bot.values import Draft, Reason, Slot
from tests.installed import MYNAH, environment, mynah

if TYPE_CHECKING:
    from pathlib import Path

CLIPBOARD, TITLE = "\x1b]52;c;cm0gLXJmIH4=\x07", "\x1b]0;owned\x07"
EVIL = f"a{CLIPBOARD}b{TITLE}c\x9b2Jd\u202ee\u2066f\u200eg\x7fh\ri\u2028j"


def hostile_archive(path: Path) -> Path:
    """An archive with the characters in the names of its folder, in a language, a name, a source and a text."""
    head = "window.YTD.account.part0 = "
    account = [{"account": {"username": "magpie", "accountId": "1", "accountDisplayName": EVIL}}]
    tweet = {"id_str": "20", "full_text": f"Caw {EVIL}", "lang": EVIL, "created_at": "Wed Mar 13 10:00:00 +0000 2024"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (("account", account), ("tweets", [{"tweet": tweet}])):
            text = (head if name == "account" else "window.YTD.tweets.part0 = ") + json.dumps(content)
            archive.writestr(f"x{TITLE}/data/{name}.js", text)
    return path


@pytest.mark.parametrize("name", ["a.zip", f"a{TITLE}\x9b.zip"], ids=["file", "hostile file"])
def test_nothing_of_an_archive_reaches_the_terminal_as_it_came(tmp_path: Path, name: str) -> None:
    archive = hostile_archive(tmp_path / name)
    commands = (
        ("import", archive), ("import", archive, "--json"), ("import", tmp_path / f"no{EVIL.replace('/', '')}"),
        ("library", "--show-dropped", "9"), ("library", "--json", "--show-dropped", "9"), ("screen", EVIL),
        ("screen", EVIL, "--json"),
    )  # fmt: skip

    results = [mynah(*words, state=tmp_path / "state") for words in commands]

    assert (results[0].returncode, results[3].returncode) == (0, 0), results[0].stderr + results[3].stderr
    for result in results:
        assert HIDDEN.findall(result.stdout + result.stderr) == [], result.args
    assert EVIL in json.loads(results[4].stdout)["languages"]


def test_a_manifest_of_somebody_else_is_shown_as_visible_characters(state: Path) -> None:
    (folder,) = [path for path in (state / "models").iterdir() if not path.is_symlink()]
    content = json.loads((folder / "manifest.json").read_text())
    for changed in ({"authors": [EVIL], "base_model": EVIL}, {"format": EVIL}):
        (folder / "manifest.json").write_text(json.dumps(content | changed))
        for words in (("models",), ("models", "--json"), ("sample", "-n", "1"), ("forget", "@magpie", "--yes")):
            result = mynah(*words, state=state)

            assert HIDDEN.findall(result.stdout + result.stderr) == [], words


def test_a_history_is_shown_as_visible_characters(tmp_path: Path) -> None:
    with Store.open(tmp_path / "history.db") as store:
        refused = (Draft(EVIL), Reason("control_character", EVIL))
        refusals.add(store, [refused], slot=Slot("a", datetime.now(UTC)), dry=True, model=EVIL, at=datetime.now(UTC))

    for form in ("--json", "--csv"):
        result = mynah("history", "--refused", form, state=tmp_path)

        assert HIDDEN.findall(result.stdout) == []
        assert "owned" in result.stdout


def test_json_has_the_same_values() -> None:
    text = f"{EVIL}\U000e0041 \U0001f468\u200d\U0001f33e"

    shown = tables.as_json({"text": text})

    assert json.loads(shown) == {"text": text}
    assert HIDDEN.search(shown) is None
    assert in_json('"plain"') == '"plain"'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_is_no_formula(text: str) -> None:
    ((cell,),) = [*csv.reader(io.StringIO(tables.as_csv([{"text": text}], ["text"])))][1:]

    assert cell == f"'{visible(text)}"


def test_numbers_in_a_cell_stay_numbers() -> None:
    assert tables.as_csv([{"a": -1, "b": -0.5, "c": None}], ["a", "b", "c"]) == "a,b,c\n-1,-0.5,"


@pytest.mark.parametrize("console", [True, False])
def test_a_log_line_is_visible(*, console: bool) -> None:
    stream = io.StringIO()
    lines = LogLines() if console else None
    log.configure(level="info", console=lines, stream=stream, secrets=(), clock=SystemClock())
    import structlog

    structlog.get_logger().info("round.ended", text=EVIL, outcome="dry", slot=EVIL, prompt=EVIL, length=1, cost="$0")
    structlog.get_logger().warning("model.refused", why=EVIL)

    own = stream.getvalue().replace("\x1b[2m", "").replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[31m", "")
    assert HIDDEN.findall(own) == []
    assert "owned" in own


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)], ids=str)
def test_closed_streams_neither_stop_a_command_nor_reach_a_file(tmp_path: Path, closed: tuple[int, ...]) -> None:
    process = subprocess.run(
        ["/bin/sh", "-c", f'"$0" --state "$1" pause {" ".join(f"{number}>&-" for number in closed)}', MYNAH, tmp_path],
        check=False, env=environment(),
    )  # fmt: skip

    assert process.returncode == 0
    with Store.open(tmp_path / "history.db") as store:
        assert store.damage() == []
