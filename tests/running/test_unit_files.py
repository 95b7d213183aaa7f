"""The systemd units: checked by systemd itself where it is installed, and compared with the program."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bot import cli
from bot.config import load
from bot.config.settings import SECRET_FILES
from bot.errors import Busy, ConfigError
from bot.running import account
from bot.running.daemon import STOP_WITHIN
from bot.sending.outbox import DryRunPublisher
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "systemd"
UNITS = sorted(SYSTEMD.glob("*@.*"))
DAEMON, RETRAIN, WEB, ALERT = (SYSTEMD / f"mynah{role}@.service" for role in ("", "-retrain", "-web", "-alert"))
PROGRAM = "/opt/mynah/.venv/bin/mynah"
WRONG_USAGE = 2  # the exit code of argparse

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian: apt install systemd)"
)


def values(unit: Path, key: str) -> list[str]:
    """The values of a key in the unit, in order."""
    return re.findall(rf"^{key}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


def value(unit: Path, key: str) -> str:
    (only,) = values(unit, key)
    return only


def seconds(span: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|min|h)", span).groups()
    return int(number) * {"s": 1, "min": 60, "h": 3600}[unit]


def analyze(*arguments: str | Path, units: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"}
    return subprocess.run(
        ["systemd-analyze", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(params=[False, True], ids=["cpu", "gpu"])
def unit_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The units as installed: with an existing program, and with the drop-in on a machine that has a GPU."""
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    for unit in (DAEMON, RETRAIN) if request.param else ():
        drop_ins = tmp_path / f"{unit.name}.d"
        drop_ins.mkdir()
        shutil.copy(SYSTEMD / "gpu.conf", drop_ins)
    return tmp_path


@needs_systemd
def test_systemd_finds_no_fault_in_the_units(unit_folder: Path) -> None:
    # Not recursive: other units of this machine do not matter here.
    result = analyze(
        "verify", "--man=no", "--recursive-errors=no", *(unit_folder / unit.name for unit in UNITS), units=unit_folder
    )

    assert result.stdout + result.stderr == ""
    assert result.returncode == 0


@needs_systemd
@pytest.mark.parametrize(
    ("unit", "most"),
    [(DAEMON, 1.5), (RETRAIN, 0.5), (ALERT, 1.5), (WEB, 1.1)],
    ids=lambda part: getattr(part, "stem", part),
)
def test_the_exposure_of_a_unit_is_limited(unit: Path, most: float, unit_folder: Path) -> None:
    result = analyze("security", "--offline=true", "--no-pager", unit_folder / unit.name, units=unit_folder)

    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)[1])
    assert exposure <= most


@pytest.mark.parametrize(
    ("unit", "name"), [(DAEMON, "run"), (RETRAIN, "retrain"), (WEB, "web")], ids=["daemon", "retrain", "web"]
)
def test_a_unit_starts_the_program_with_valid_arguments(unit: Path, name: str) -> None:
    program, *arguments = shlex.split(value(unit, "ExecStart").replace("%i", "abot"))

    namespace = cli.parser().parse_args(arguments)

    assert program == PROGRAM
    assert namespace.function is cli.COMMANDS[name].function
    assert namespace.config == Path("/etc/mynah/abot/config.toml")
    assert Path(namespace.state) == Path("/var/lib") / value(unit, "StateDirectory").replace("%i", "abot")
    assert getattr(namespace, "live", None) is None  # the configuration decides whether it goes live


def test_bot_training_and_page_are_the_same_user_in_the_same_folder() -> None:
    for key in ("User", "DynamicUser", "StateDirectory", "StateDirectoryMode", "UMask"):
        assert value(DAEMON, key) == value(RETRAIN, key) == value(WEB, key)


def test_the_credentials_are_those_that_the_configuration_reads() -> None:
    credentials = [line.split(":") for line in values(DAEMON, "LoadCredential")]

    assert credentials == [[name, f"/etc/mynah/%i/keys/{name}"] for name in SECRET_FILES]
    assert values(RETRAIN, "LoadCredential") == values(WEB, "LoadCredential") == []


def test_a_bot_without_keys_gets_blank_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in values(DAEMON, "SetCredential"):
        name, fallback = line.split(":")
        (tmp_path / name).write_text(fallback.replace(r"\n", "\n"), encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    dry_run, live = load.load().settings, load.load(flags={"live": True}).settings

    assert {path.name for path in tmp_path.iterdir()} == set(SECRET_FILES)
    assert isinstance(account.publisher(dry_run, FakeClock()), DryRunPublisher)
    with pytest.raises(ConfigError, match="consumer_key"):
        account.publisher(live, FakeClock())


def test_the_unit_restarts_only_after_failures_that_a_restart_may_fix() -> None:
    final = {int(status) for status in value(DAEMON, "RestartPreventExitStatus").split()}

    assert final == {WRONG_USAGE, ConfigError.exit_code}
    assert value(DAEMON, "Restart") == "on-failure"
    assert Busy.exit_code not in final
    assert seconds(value(DAEMON, "RestartSec")) * int(value(DAEMON, "StartLimitBurst")) < seconds(
        value(DAEMON, "StartLimitIntervalSec")
    )  # otherwise the limit is never reached


def test_systemd_waits_longer_for_the_stop_than_the_daemon_takes() -> None:
    assert seconds(value(DAEMON, "TimeoutStopSec")) > STOP_WITHIN.total_seconds()


@pytest.mark.parametrize("unit", [DAEMON, RETRAIN, WEB], ids=["daemon", "retrain", "web"])
def test_a_permanent_failure_starts_the_alert(unit: Path) -> None:
    assert value(unit, "OnFailure") == f"{ALERT.stem}%n.service"
    assert "journalctl -u %i" in value(ALERT, "ExecStart")
