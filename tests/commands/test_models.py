"""`mynah models`, `promote`, `rollback` and `evaluate`: arguments in; rows, links and exit codes out."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from bot import cli
from bot.commands.models import gate
from bot.config.settings import Settings
from tests.installed import dry_run, mynah
from tests.training.reports import GOOD
from training.judge import report as judgement
from training.judge.gate import Gate
from training.models import model_dir, registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Call = Callable[..., tuple[int, str, str]]

OLD, NEW = "20261120T120000Z-0000", "20261121T120000Z-0000"


@pytest.fixture
def call(state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in the state folder: its exit code, standard output and standard error."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["--state", str(state), *arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return command


@pytest.fixture
def second(state: Path) -> Path:
    """A newer version that passes the gate and is not in use."""
    version = state / "models" / NEW
    model = model_dir.load(state / "models" / OLD, device="cpu")
    memory = (state / "models" / OLD / "memory.bin").read_bytes()
    about = model_dir.Manifest(
        created="2026-11-21T12:00:00+00:00", base_model="tiny", authors=("magpie", "wren"), figures=GOOD.figures()
    )
    files = {judgement.FILE: GOOD.to_json(), "memory.bin": memory}
    model_dir.save(version, model.model, model.tokenizer, about=about, files=files)
    return version


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_every_version_is_listed_with_its_figures(call: Call, second: Path) -> None:
    code, out, _ = call("models", "--json")

    assert code == 0
    old, new = rows(out)
    assert (old["version"], old["in_use"], old["why_not"]) == (
        OLD,
        True,
        ["It was never evaluated: run `mynah evaluate`."],
    )
    assert (new["version"], new["in_use"], new["in_use_before"], new["why_not"]) == (NEW, False, False, [])
    assert new["figures"]["bits_per_character"] == 1.5
    assert new["authors"] == ["magpie", "wren"]
    assert new["bytes"] > 100_000


def test_the_table_shows_the_version_in_use_and_the_previous_one(call: Call, second: Path) -> None:
    registry.promote(second)

    _, out, _ = call("models")

    old, new, note = out.splitlines()[2:]
    assert old.split()[:3] == [OLD, "previous", "tiny"]
    assert "@magpie @wren" in new
    assert "in use" in new
    assert "1.500" in new
    assert note == f"{OLD}: It was never evaluated: run `mynah evaluate`."


def test_a_damaged_version_is_listed_as_damaged(call: Call, second: Path) -> None:
    (second / "tokenizer.json").unlink()

    _, out, _ = call("models", "--json")

    assert "tokenizer.json is not what its manifest says" in rows(out)[1]["damage"]


def test_a_version_that_fails_the_gate_says_why(call: Call, second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_GATE__TOLD_APART_MOST", "0.55")

    _, out, _ = call("models", "--json")

    assert rows(out)[1]["why_not"][0].startswith("It babbles: ")


def test_without_a_model_the_list_is_empty(call: Call, state: Path) -> None:
    shutil.rmtree(state / "models")

    assert call("models") == (0, "no model yet: `mynah retrain` makes one\n", "")
    assert call("models", "--json") == (0, "", "")


def test_a_version_is_promoted_and_rolled_back(call: Call, second: Path, state: Path) -> None:
    promotion = call("promote", "20261121")
    assert promotion[:2] == (0, f"{NEW} is now in use; a running bot switches to it before its next post\n")
    assert registry.current(state / "models") == second

    back = call("rollback")

    assert back[:2] == (0, f"{OLD} is in use again; a running bot switches to it before its next post\n")
    assert registry.current(state / "models") == state / "models" / OLD


def test_the_objections_of_the_gate_are_shown_on_promotion_by_hand(call: Call, state: Path) -> None:
    code, _, err = call("promote", OLD)

    assert code == 0
    assert "never evaluated" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("promote", "20270101"), 'No version is called "20270101"', id="unknown"),
        pytest.param(("promote", "2026112"), '2 versions begin with "2026112"', id="two"),
        pytest.param(("promote", "../models"), "No version is called", id="a way out"),
        pytest.param(("rollback",), "No earlier version is left", id="nothing before"),
        pytest.param(("evaluate", "x"), 'No version is called "x"', id="nothing to judge"),
    ],
)
def test_an_impossible_request_gives_one_sentence(
    call: Call, second: Path, words: tuple[str, ...], message: str
) -> None:
    code, out, err = call(*words)

    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [("promote", "x"), ("rollback",), ("evaluate",)])
def test_before_the_first_model_nothing_is_created(call: Call, state: Path, words: tuple[str, ...]) -> None:
    shutil.rmtree(state)

    assert call(*words)[0] == 1
    assert not state.exists()


def test_a_damaged_version_is_not_promoted(call: Call, second: Path, state: Path) -> None:
    (second / "model.safetensors").write_bytes(b"")

    code, _, err = call("promote", NEW)

    assert code == 1
    assert "model.safetensors has 0 bytes where its manifest says" in err
    assert registry.current(state / "models") == state / "models" / OLD


@pytest.mark.parametrize("words", [("promote", NEW), ("rollback",)])
def test_during_a_training_nothing_is_changed(call: Call, second: Path, state: Path, words: tuple[str, ...]) -> None:
    with registry.hold(state / "models"):
        code, _, err = call(*words)

    assert code == 75
    assert "wait until it has finished" in err


def test_a_model_is_evaluated_again_on_the_sample_account(call: Call, state: Path) -> None:
    code, out, _ = call("evaluate", "-n", "30", "--json")

    assert code == 0
    (report,) = rows(out)
    assert (report["version"], report["drafts"], report["current_bits"]) == (OLD, 30, None)
    assert 0 < report["samples"] <= 3  # as many as groups of drafts
    assert report["bits_per_character"] > report["base_bits"] > 0
    assert any(sentence.startswith("It predicts no better than its base") for sentence in report["why_not"])


def test_the_report_explains_its_figures(call: Call, state: Path) -> None:
    code, out, _ = call("evaluate", "-n", "10")

    assert code == 0
    assert "held-out tweets; lower is better" in out
    assert "told apart" in out
    assert "It predicts no better than its base" in out


def test_a_running_bot_follows_a_promotion_and_a_rollback(second: Path, state: Path) -> None:
    with dry_run(state) as run:
        assert run.stdout is not None
        next(line for line in run.stdout if "round.ended" in line)
        assert mynah("promote", NEW, state=state).returncode == 0
        event = next(json.loads(line) for line in run.stdout if "model.taken_over" in line)
        assert mynah("rollback", state=state).returncode == 0
        older = next(json.loads(line) for line in run.stdout if "model.taken_over" in line)
        after = next(json.loads(line) for line in run.stdout if "round.ended" in line)
        run.terminate()
        run.communicate(timeout=60)

    assert event["model"] == NEW
    assert older["model"] == after["model"] == OLD
    assert run.returncode == 0


def test_the_settings_have_the_defaults_of_the_gate() -> None:
    assert gate(Settings.model_construct()) == Gate()
