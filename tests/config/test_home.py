"""A folder that holds all of one bot: its configuration, its keys and its state."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import cli
from bot.config import load
from bot.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("MYNAH_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def write(home: Path, text: str) -> Path:
    (home / "config.toml").write_text(text)
    return home


def test_the_state_is_the_folder_itself(tmp_path: Path) -> None:
    assert load.load(home=write(tmp_path, "")).settings.state == tmp_path


def test_the_keys_are_in_it_where_there_are_some(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "client_id").write_text("an id")
    (tmp_path / "keys" / "client_id").chmod(0o600)

    client = load.load(home=write(tmp_path, "")).settings.x.client_id

    assert client is not None
    assert client.get_secret_value() == "an id"


def test_relative_paths_begin_there_so_that_it_can_be_moved(tmp_path: Path) -> None:
    home = write(
        tmp_path, '[voice]\ntopics = "topics.txt"\n[screen]\ndeny_file = "/etc/deny"\n[backup]\nfolder = "~/b"'
    )

    settings = load.load(home=home).settings

    assert settings.voice.topics == tmp_path / "topics.txt"
    assert settings.screen.deny_file == Path("/etc/deny")
    assert settings.backup.folder == Path("~/b")


def test_a_state_of_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"state: is .* itself; remove the key"):
        load.load(home=write(tmp_path, 'state = "/elsewhere"'))


def test_a_section_that_is_no_table_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="voice"):
        load.load(home=write(tmp_path, "voice = 3"))


def test_commands_work_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = write(tmp_path, 'bot = "alice"')

    assert cli.main(["--home", str(home), "pause", "--for", "1h"]) == 0
    assert cli.main(["--home", str(home), "status", "--json"]) == 0

    assert '"bot": "alice"' in capsys.readouterr().out
    assert (home / "history.db").exists()


def test_it_excludes_the_options_that_it_replaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = write(tmp_path, "")

    assert cli.main(["--home", str(home), "--state", "/elsewhere", "status"]) == 78

    assert "leave out --config and --state" in capsys.readouterr().err


def test_a_folder_without_a_configuration_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--home", str(tmp_path), "status"]) == 78

    assert "config.toml: no such file" in capsys.readouterr().err
