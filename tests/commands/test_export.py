"""`mynah export --gguf`: arguments in; files, a sentence and an exit code out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gguf
import pytest

from bot import cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Call = Callable[..., tuple[int, str, str]]

VERSION = "20261120T120000Z-0000"


@pytest.fixture
def call(state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in the state folder: its exit code, standard output and standard error."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")

    def command(*arguments: str | Path) -> tuple[int, str, str]:
        code = cli.main(["--state", str(state), *map(str, arguments)])
        return code, *capsys.readouterr()

    return command


def test_the_current_model_becomes_a_file_with_a_modelfile_that_draws_as_the_bot_does(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNAH_VOICE__TEMPERATURE", "0.7")

    code, out, err = call("export", "--gguf", tmp_path / "bird.gguf")

    assert (code, err) == (0, "")
    assert out.startswith(f"{tmp_path}/bird.gguf: {VERSION}, f16, ")
    assert "`ollama create bird -f bird.Modelfile`" in out
    fields = gguf.GGUFReader(tmp_path / "bird.gguf").fields
    assert fields["general.name"].contents() == VERSION
    assert "PARAMETER temperature 0.7\n" in (tmp_path / "bird.Modelfile").read_text()


def test_eight_bits_take_less_than_sixteen(call: Call, tmp_path: Path) -> None:
    call("export", "--gguf", tmp_path / "a.gguf", VERSION)
    call("export", "--gguf", tmp_path / "b.gguf", VERSION, "--type", "q8_0")

    assert (tmp_path / "b.gguf").stat().st_size < (tmp_path / "a.gguf").stat().st_size


def test_a_file_that_exists_is_not_overwritten(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bird.gguf").write_text("precious")

    code, out, err = call("export", "--gguf", tmp_path / "bird.gguf")

    assert (code, out) == (1, "")
    assert err == f"mynah: {tmp_path}/bird.gguf exists already, and nothing is overwritten: choose another name.\n"
    assert (tmp_path / "bird.gguf").read_text() == "precious"


def test_an_unknown_version_gives_one_sentence(call: Call, tmp_path: Path) -> None:
    code, _, err = call("export", "--gguf", tmp_path / "bird.gguf", "2027")

    assert code == 1
    assert 'No version is called "2027"' in err
