"""What a package index and an installed copy see: metadata, links, documents, and systems without Unix."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import mynah_bot
from bot import cli

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def hook() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_link_of_the_readme_works_outside_the_repository(hook: ModuleType) -> None:
    metadata = {"version": "9.9", "urls": {"Source": "https://e.org/m"}}

    hook.ReadmeHook(str(ROOT), {}).update(metadata)

    text = metadata["readme"]["text"]
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    ours = [target.removeprefix("https://e.org/m/blob/v9.9/") for target in targets if "e.org" in target]
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    assert "docs/operating.md" in ours
    assert [path for path in ours if not path.startswith("https:") and not (ROOT / path).exists()] == []


def test_pictures_come_as_files_and_other_links_stay_as_they_are(hook: ModuleType) -> None:
    text = "[![a](docs/a.svg)](docs/b.md) [c](https://c.org) [d](#d)"

    absolute = hook.absolute(text, "https://e.org/m", "v1")

    assert absolute == (
        "[![a](https://e.org/m/raw/v1/docs/a.svg)](https://e.org/m/blob/v1/docs/b.md) [c](https://c.org) [d](#d)"
    )


def test_the_metadata_names_a_project_its_addresses_and_the_pythons_that_are_tested() -> None:
    assert PROJECT["authors"] == [{"name": "The Mynah project"}]
    assert {"Source", "Documentation", "Changelog", "Issues"} <= PROJECT["urls"].keys()
    assert "Programming Language :: Python :: 3.11" in PROJECT["classifiers"]


def test_old_names_of_extras_go_on_working() -> None:
    extras = PROJECT["optional-dependencies"]

    assert {"model", "light", "lora", "speak", "train"} <= extras.keys()
    assert not [line for line in extras["speak"] if re.match("torch|transformers|mynah", line)]


def test_the_door_of_the_wheel_leads_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mynah", "--version"])

    with pytest.raises(SystemExit) as excinfo:
        mynah_bot.main()

    assert excinfo.value.code == 0


WITHOUT_UNIX = """
import sys
for name in ("fcntl", "pwd", "grp", "termios", "tty", "resource", "readline"):
    sys.modules[name] = None
from bot.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("name", ["--help", "run", "status", "config"])
def test_on_windows_a_command_ends_with_one_sentence(name: str, tmp_path: Path) -> None:
    arguments = [name] if name == "--help" else ["--state", str(tmp_path), name]
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_UNIX, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )

    if name == "--help":
        assert (process.returncode, process.stderr) == (0, "")
        return
    assert process.returncode == 1
    assert process.stderr == f"mynah: {cli.NEEDS_UNIX}\n"
