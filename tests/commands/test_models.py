"""`mynah models`, `promote`, `rollback` and `evaluate`: words in; rows, links and exit codes out."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from bot import cli
from bot.commands.models import gate
from bot.config.settings import Settings
from tests.installed import mynah, rehearsing
from tests.training.reports import GOOD
from training.judge import report as judgement
from training.judge.gate import Gate
from training.models import model_dir, registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[..., tuple[int, str, str]]

OLD, NEW = "20261120T120000Z-0000", "20261121T120000Z-0000"


@pytest.fixture
def say(state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """A command in the state folder: its exit code, what it said and what it complained of."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    monkeypatch.setenv("COLUMNS", "200")

    def command(*words: str) -> tuple[int, str, str]:
        code = cli.main(["--state", str(state), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def second(state: Path) -> Path:
    """A newer version that was judged and found good, and is not in use."""
    version = state / "models" / NEW
    loaded = model_dir.load(state / "models" / OLD, device="cpu")
    memory = (state / "models" / OLD / "memory.bin").read_bytes()
    about = model_dir.Manifest(
        created="2026-11-21T12:00:00+00:00", base_model="tiny", authors=("magpie", "wren"), figures=GOOD.figures()
    )
    files = {judgement.FILE: GOOD.to_json(), "memory.bin": memory}
    model_dir.save(version, loaded.model, loaded.tokenizer, about=about, files=files)
    return version


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_every_version_is_listed_with_its_figures(say: Say, second: Path) -> None:
    code, out, _ = say("models", "--json")

    assert code == 0
    old, new = rows(out)
    assert (old["version"], old["in_use"], old["why_not"]) == (
        OLD,
        True,
        ["It was never judged: `mynah evaluate` does."],
    )
    assert (new["version"], new["in_use"], new["in_use_before"], new["why_not"]) == (NEW, False, False, [])
    assert new["figures"]["bits_per_character"] == 1.5
    assert new["authors"] == ["magpie", "wren"]
    assert new["bytes"] > 100_000


def test_the_table_says_which_one_speaks_and_which_one_spoke(say: Say, second: Path) -> None:
    registry.promote(second)

    _, out, _ = say("models")

    old, new, why = out.splitlines()[2:]
    assert old.split()[:3] == [OLD, "before", "tiny"]
    assert "@magpie @wren" in new
    assert "in use" in new
    assert "1.500" in new
    assert why == f"{OLD}: It was never judged: `mynah evaluate` does."


def test_a_damaged_version_is_listed_as_such(say: Say, second: Path) -> None:
    (second / "tokenizer.json").unlink()

    _, out, _ = say("models", "--json")

    assert "tokenizer.json is not what its manifest says" in rows(out)[1]["damage"]


def test_a_version_behind_the_gate_says_why(say: Say, second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_GATE__TOLD_APART_MOST", "0.55")

    _, out, _ = say("models", "--json")

    assert rows(out)[1]["why_not"][0].startswith("It babbles: ")


def test_without_a_model_the_list_is_empty(say: Say, state: Path) -> None:
    shutil.rmtree(state / "models")

    assert say("models") == (0, "no model yet: `mynah retrain` makes one\n", "")
    assert say("models", "--json") == (0, "", "")


def test_a_version_is_promoted_and_taken_back(say: Say, second: Path, state: Path) -> None:
    promoted = say("promote", "20261121")
    assert promoted[:2] == (0, f"{NEW} is in use; a bot that runs takes it over before it speaks again\n")
    assert registry.current(state / "models") == second

    back = say("rollback")

    assert back[:2] == (0, f"{OLD} is in use again; a bot that runs takes it over before it speaks again\n")
    assert registry.current(state / "models") == state / "models" / OLD


def test_what_the_gate_has_against_it_is_said_when_it_is_promoted_by_hand(say: Say, state: Path) -> None:
    code, _, err = say("promote", OLD)

    assert code == 0
    assert "never judged" in err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("promote", "20270101"), 'No version is called "20270101"', id="unknown"),
        pytest.param(("promote", "2026112"), '2 versions begin with "2026112"', id="two"),
        pytest.param(("promote", "../models"), "No version is called", id="a way out"),
        pytest.param(("rollback",), "No earlier version is left", id="nothing before"),
        pytest.param(("evaluate", "x"), 'No version is called "x"', id="nothing to judge"),
    ],
)
def test_what_cannot_be_is_one_sentence(say: Say, second: Path, words: tuple[str, ...], why: str) -> None:
    code, out, err = say(*words)

    assert (code, out) == (1, "")
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [("promote", "x"), ("rollback",), ("evaluate",)])
def test_before_the_first_model_nothing_is_made(say: Say, state: Path, words: tuple[str, ...]) -> None:
    shutil.rmtree(state)

    assert say(*words)[0] == 1
    assert not state.exists()


def test_a_damaged_version_is_not_taken_into_use(say: Say, second: Path, state: Path) -> None:
    (second / "model.safetensors").write_bytes(b"")

    code, _, err = say("promote", NEW)

    assert code == 1
    assert "model.safetensors has 0 bytes where its manifest says" in err
    assert registry.current(state / "models") == state / "models" / OLD


@pytest.mark.parametrize("words", [("promote", NEW), ("rollback",)])
def test_while_a_training_is_at_work_nothing_is_changed(
    say: Say, second: Path, state: Path, words: tuple[str, ...]
) -> None:
    with registry.hold(state / "models"):
        code, _, err = say(*words)

    assert code == 75
    assert "wait until it has finished" in err


def test_a_model_is_judged_again_by_the_sample_account(say: Say, state: Path) -> None:
    code, out, _ = say("evaluate", "-n", "30", "--json")

    assert code == 0
    (report,) = rows(out)
    assert (report["version"], report["samples"], report["current_bits"]) == (OLD, 30, None)
    assert report["bits_per_character"] > report["base_bits"] > 0
    assert report["distinct"][2] < report["distinct_author"][2]  # it knows eight sentences
    assert any(sentence.startswith("It predicts no better than its base") for sentence in report["why_not"])


def test_the_judgement_explains_itself(say: Say, state: Path) -> None:
    code, out, _ = say("evaluate", "-n", "10")

    assert code == 0
    assert "held-out tweets; lower is better" in out
    assert "told apart" in out
    assert "It predicts no better than its base" in out


def test_a_bot_that_runs_takes_a_promoted_version_over_and_comes_back(second: Path, state: Path) -> None:
    with rehearsing(state) as run:
        assert run.stdout is not None
        next(line for line in run.stdout if "round.ended" in line)
        assert mynah("promote", NEW, state=state).returncode == 0
        newer = next(json.loads(line) for line in run.stdout if "model.taken_over" in line)
        assert mynah("rollback", state=state).returncode == 0
        older = next(json.loads(line) for line in run.stdout if "model.taken_over" in line)
        after = next(json.loads(line) for line in run.stdout if "round.ended" in line)
        run.terminate()
        run.communicate(timeout=60)

    assert newer["model"] == NEW
    assert older["model"] == after["model"] == OLD
    assert run.returncode == 0


def test_the_settings_have_the_gates_own_defaults() -> None:
    assert gate(Settings.model_construct()) == Gate()
