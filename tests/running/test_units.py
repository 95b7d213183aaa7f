"""`mynah install-units`: the files that it writes, and those that it keeps."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.config import load
from bot.errors import MynahError
from bot.running import units
from bot.running.doctor import units as check_units
from tests.installed import MYNAH, environment

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path.name for path in (ROOT / "systemd").glob("mynah*@.*"))


def install(prefix: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MYNAH, "install-units", "--prefix", prefix, *arguments],
        check=False, capture_output=True, text=True, timeout=60, env=environment(),
    )  # fmt: skip


def texts(program: str = "/srv/venv/bin/mynah") -> dict[str, str]:
    return units.texts(Path(program), gpu=False)


def verdicts(system: Path, files: dict[str, str], *, force: bool = False) -> dict[str, str]:
    return {path.name: verdict for path, verdict in units.place(system, files, force=force, dry_run=False)}


def test_the_installed_command_puts_units_folders_and_configuration_in_place(tmp_path: Path) -> None:
    result = install(tmp_path, "--bot", "crow", "--gpu")

    system = tmp_path / "etc/systemd/system"
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in system.glob("mynah*@.*") if path.is_file()) == SHIPPED
    assert f"ExecStart={MYNAH} --config" in (system / "mynah@.service").read_text(encoding="utf-8")
    assert all((system / name).read_text(encoding="utf-8").count("char-nvidia ") for name in units.GPU)
    assert (tmp_path / "etc/mynah/crow/keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "var/lib/mynah/crow").stat().st_mode & 0o777 == 0o700
    assert load.load(tmp_path / "etc/mynah/crow/config.toml").settings.live is False
    assert "systemctl enable --now mynah@crow " in result.stdout


@pytest.mark.parametrize("folder", ["my bot", "100%", 'a"b', "$HOME"])
def test_a_path_that_systemd_would_misread_is_refused(folder: str) -> None:
    with pytest.raises(MynahError, match="systemd would misread this path"):
        texts(f"/opt/{folder}/bin/mynah")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = install(tmp_path, "--bot", "crow", "--dry-run")

    assert result.returncode == 0
    assert "would be installed" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_second_installation_changes_nothing(tmp_path: Path) -> None:
    verdicts(tmp_path, texts())

    assert set(verdicts(tmp_path, texts()).values()) == {"same"}


def test_units_of_an_earlier_version_are_replaced(tmp_path: Path) -> None:
    verdicts(tmp_path, texts("/old/venv/bin/mynah"))

    second = verdicts(tmp_path, texts())

    assert {name for name, verdict in second.items() if verdict == "renewed"} == {
        "mynah@.service",
        "mynah-retrain@.service",
        "mynah-web@.service",
    }
    assert "/srv/venv/bin/mynah" in (tmp_path / "mynah@.service").read_text(encoding="utf-8")


def test_an_edited_unit_is_kept_and_renamed_with_force(tmp_path: Path) -> None:
    install(tmp_path)
    unit = tmp_path / "etc/systemd/system/mynah@.service"
    text = unit.read_text(encoding="utf-8").replace("WatchdogSec=180s", "WatchdogSec=900s")
    unit.write_text(text, encoding="utf-8")

    first = install(tmp_path)
    after = unit.read_text(encoding="utf-8")
    second = install(tmp_path, "--force")

    assert first.returncode == 1
    assert f"{unit}: KEPT" in first.stdout
    assert after == text
    assert second.returncode == 0
    assert "WatchdogSec=180s" in unit.read_text(encoding="utf-8")
    assert unit.with_name("mynah@.service.before").read_text(encoding="utf-8") == text


def test_a_unit_copied_by_hand_counts_as_unchanged(tmp_path: Path) -> None:
    shutil.copy(ROOT / "systemd" / "mynah@.service", tmp_path)

    assert verdicts(tmp_path, texts(units.PROGRAM))["mynah@.service"] == "same"


def test_the_configuration_of_a_bot_is_never_overwritten(tmp_path: Path) -> None:
    install(tmp_path, "--bot", "crow")
    config = tmp_path / "etc/mynah/crow/config.toml"
    config.write_text('bot = "crow"\n', encoding="utf-8")

    install(tmp_path, "--bot", "crow", "--force")

    assert config.read_text(encoding="utf-8") == 'bot = "crow"\n'


@pytest.mark.parametrize("name", ["Crow", "a b", "../x", "", "x" * 26, "-x"])
def test_a_name_that_systemd_would_not_accept_is_refused(tmp_path: Path, name: str) -> None:
    result = install(tmp_path, f"--bot={name}")

    assert result.returncode == 1
    assert "is not a name for a unit" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("in the way", encoding="utf-8")

    with pytest.raises(MynahError, match="install-units` writes there"):
        verdicts(tmp_path / "etc" / "systemd", texts())


def test_doctor_accepts_units_with_another_program_path(tmp_path: Path) -> None:
    verdicts(tmp_path, texts())
    check = check_units(Path("/var/lib/mynah/crow"), "crow", system=tmp_path, shipped=units.shipped())
    (tmp_path / "mynah@.service").write_text("changed", encoding="utf-8")
    after = check_units(Path("/var/lib/mynah/crow"), "crow", system=tmp_path, shipped=units.shipped())

    assert "does not start at boot" in check.detail
    assert "not the units of this program: mynah@.service" in after.detail


def test_an_installed_package_contains_the_units(tmp_path: Path) -> None:
    """The layout of the wheel, from pyproject.toml."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    places = dict(re.findall(r'^"(systemd|config\.example\.toml)" = "mynah_bot/(bot/[^"]+)"', project, re.MULTILINE))
    shutil.copytree(ROOT / "bot", tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "systemd", tmp_path / places["systemd"])
    shutil.copy(ROOT / "config.example.toml", tmp_path / places["config.example.toml"])

    code = (
        "from bot.running import units\n"
        "print(units.shipped(), units.example().is_file(), *units.texts(units.Path('/x'), gpu=True))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()

    assert output[:2] == [str(tmp_path / "bot/running/systemd"), "True"]
    assert sorted(output[2:]) == sorted([*SHIPPED, *units.GPU])
