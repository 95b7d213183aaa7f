"""What a package index and an installed copy see: metadata, links, documents, and systems without Unix."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

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


def pins(name: str) -> dict[str, str]:
    """The exact versions of a lock file; where two systems differ, both, with a comma."""
    versions: dict[str, list[str]] = {}
    text = (ROOT / name).read_text(encoding="utf-8")
    for package, number in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE):
        versions.setdefault(package, []).append(number)
    return {package: ",".join(numbers) for package, numbers in versions.items()}


@pytest.mark.parametrize("name", ["speak.lock", "train.lock", "build.lock", "smollm2.lock"])
def test_a_lock_file_of_a_server_has_a_hash_for_each_package(name: str) -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]

    assert entries
    assert [entry.split()[0] for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)] == []


@pytest.mark.parametrize(("name", "extras"), [("speak.lock", ["speak"]), ("train.lock", ["speak", "train"])])
def test_a_lock_file_of_a_server_has_what_its_extras_need_and_no_tools(name: str, extras: list[str]) -> None:
    locked, everything = pins(name), pins("requirements.lock")
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    needed = {re.split(r"[\[<>=]", line)[0].lower() for line in lines} - {"torch"}  # each of its builds is another file

    assert needed <= locked.keys()
    assert {package: everything[package] for package in locked} == locked
    assert not {"torch", "pytest", "mypy", "ruff", "hatchling", "hypothesis"} & locked.keys()


def test_the_backend_that_builds_is_exact_and_has_hashes() -> None:
    (requirement,) = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]

    name, _, number = requirement.partition("==")
    assert pins("build.lock")[name] == number == pins("requirements.lock")[name]


def test_no_document_tells_to_add_an_index() -> None:
    pages = [ROOT / "README.md", ROOT / "Makefile", ROOT / "Containerfile", *(ROOT / "docs").glob("*.md")]

    assert [page.name for page in pages if re.search("EXTRA_INDEX|--extra-index", page.read_text("utf-8"))] == []


def test_the_bill_of_materials_lists_each_package_with_its_hashes() -> None:
    command = [sys.executable, ROOT / ".ci" / "sbom.py", ROOT / "speak.lock"]
    document = json.loads(subprocess.check_output(command))

    components = {component["name"]: component for component in document["components"]}
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["version"] == PROJECT["version"]
    assert components.keys() == pins("speak.lock").keys()
    assert components["pydantic"]["purl"] == f"pkg:pypi/pydantic@{pins('speak.lock')['pydantic']}"
    assert components["pydantic"]["licenses"] == [{"license": {"name": "MIT"}}]
    assert all(len(part["externalReferences"][0]["hashes"][0]["content"]) == 64 for part in components.values())
    assert len({part["bom-ref"] for part in document["components"]}) == len(document["components"])


def test_the_containers_of_the_compose_file_are_locked_up_and_run_commands_that_exist() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]

    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "state:/state" in service["volumes"]
    assert services["bot"]["command"][0] in cli.COMMANDS
    assert not any("keys" in volume for volume in services["page"]["volumes"])


def test_the_image_is_healthy_by_a_command_that_exists() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")

    (check,) = re.findall(r"^HEALTHCHECK .*CMD (\[.+\])$", text, re.MULTILINE)
    program, *words = json.loads(check)
    assert program == "mynah"
    assert cli.parser().parse_args(words).check is True
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)


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
