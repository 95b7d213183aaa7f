"""`mynah init`: a configuration of a few answers."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from bot import cli
from bot.config import load, template
from bot.running import units

EXAMPLE = units.example().read_text(encoding="utf-8")
Init = "Callable[..., tuple[int, str, str]]"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "config.toml"


@pytest.fixture
def init(config: Path, capsys: pytest.CaptureFixture[str]) -> Init:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["--config", str(config), "--state", str(config.parent / "state"), "init", *arguments])
        return code, *capsys.readouterr()

    return run


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def answers(monkeypatch: pytest.MonkeyPatch, *lines: str) -> list[str]:
    """A person at a terminal who gives these answers; returns the questions."""
    questions, left = [], list(lines)

    def ask(question: str) -> str:
        questions.append(question)
        if not left:
            raise EOFError
        return left.pop(0)

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr("sys.stdin", Terminal())
    return questions


def test_options_alone_write_a_configuration_that_holds_only_them(init: Init, config: Path) -> None:
    code, out, _ = init("--bot", "@crow", "--timezone", "Europe/Lisbon", "--mode", "review")

    loaded = load.load(config)
    values = {key: value for key, value, _ in loaded.changed()}
    lines = [line for line in config.read_text(encoding="utf-8").splitlines() if line and line[0] not in "#[ "]
    assert code == 0
    assert {key: values[key] for key in ("bot", "mode", "schedule.timezone")} == {
        "bot": "crow",
        "mode": "review",
        "schedule.timezone": "Europe/Lisbon",
    }
    assert [line.partition(" ")[0] for line in lines] == ["bot", "mode", "timezone"]
    assert f"wrote {config}: " in out
    assert "mynah --config" in out
    assert "import ARCHIVE.zip" in out


def test_without_the_marks_it_is_the_example(init: Init, config: Path) -> None:
    init("--bot", "stationmynahbot", "--timezone", "UTC", "--mode", "auto")

    text = config.read_text(encoding="utf-8").removeprefix(template.HEAD)
    restored = re.sub(r"^# (?=[a-z_]+ = )", "", text, flags=re.MULTILINE)
    example = re.sub(r"^# (?=[a-z_]+ = )", "", EXAMPLE[EXAMPLE.index("\nbot = ") :], flags=re.MULTILINE)
    assert restored.split() == example.split()


def test_a_configuration_is_never_overwritten(init: Init, config: Path) -> None:
    config.parent.mkdir()
    config.write_text("# mine\n", encoding="utf-8")

    code, _, err = init("--bot", "crow")

    assert code == 1
    assert f"{config} exists already" in err
    assert config.read_text(encoding="utf-8") == "# mine\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bot", "crow", "--timezone", "Mars/Phobos"), "'Mars/Phobos' is not a time zone"),
        (("--bot", "a_handle_that_is_long"), "is not a handle"),
        (("--bot", "crow", "--archive", "/nowhere.zip"), "/nowhere.zip: no such file"),
        ((), "--bot is missing, and there is no terminal to ask on"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_nothing_is_written(
    init: Init, config: Path, arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    try:
        _, _, err = init(*arguments)
    except SystemExit:  # argparse has said it
        err = message

    assert message in err
    assert not config.exists()


def test_a_person_is_asked_again_until_an_answer_is_right(
    init: Init, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    questions = answers(monkeypatch, "not a handle", "@crow", "Nowhere", "", "x", "r", "/nowhere.zip", "")

    code, out, _ = init()

    settings = load.load(config).settings
    assert code == 0
    assert (settings.bot, settings.schedule.timezone, settings.mode) == ("crow", "Asia/Tokyo", "review")
    assert len(questions) == 8
    assert "[Asia/Tokyo]" in questions[2]
    assert "'x' is neither auto nor review" in out


def test_an_end_of_the_answers_writes_nothing(init: Init, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "crow")

    code, _, err = init()

    assert code == 1
    assert "nothing was written" in err
    assert not config.exists()


def test_an_archive_is_imported_at_once(init: Init, config: Path) -> None:
    sample = Path(load.__file__).parents[2] / "training/sources/sample/stationmynah.zip"

    code, out, _ = init("--bot", "crow", "--archive", str(sample))

    assert code == 0
    assert "@stationmynah" in out
    assert "import ARCHIVE" not in out
    assert (config.parent / "state" / "library.db").exists()


def zone_of(root: Path, *, link: str = "", text: str = "") -> str:
    (root / "etc").mkdir()
    if link:
        (root / "etc/localtime").symlink_to(f"/usr/share/zoneinfo/{link}")
    if text:
        (root / "etc/timezone").write_text(text)
    return load.local_zone(root)


@pytest.mark.parametrize(
    ("link", "text", "zone"),
    [
        ("Europe/Lisbon", "", "Europe/Lisbon"),
        ("", "Asia/Kathmandu\n", "Asia/Kathmandu"),
        ("", "Nonsense", "UTC"),
        ("", "", "UTC"),
    ],
)
def test_the_time_zone_is_that_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str, text: str, zone: str
) -> None:
    monkeypatch.delenv("TZ", raising=False)

    assert zone_of(tmp_path, link=link, text=text) == zone


def test_what_differs_from_the_defaults_is_shown_alone(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNAH_TRAINING__BASE_MODEL", "auto")  # the default, although somebody has set it
    monkeypatch.setenv("MYNAH_STATE", "/srv/crow")
    config.parent.mkdir()
    config.write_text('bot = "crow"\nmode = "auto"\n', encoding="utf-8")

    cli.main(["--config", str(config), "config", "--changed", "--json"])

    out = capsys.readouterr().out
    assert re.findall(r'"key": "([^"]+)"', out) == ["bot", "state"]
