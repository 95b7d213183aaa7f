"""The rules of the house that a machine can keep: who may import what, and that the documents are true."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot import arguments, cli

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("training/**/*.py")])
IDS = [str(path.relative_to(ROOT)) for path in SOURCES]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# Only these files import these libraries, so that an upgrade of one has one place to look at.
ALONE = {
    "tweepy": {"bot/x/twitter.py"},
    "requests": {"bot/x/twitter.py", "bot/x/wire.py"},  # the first only says to tweepy: give back what you get
    "requests_oauthlib": {"bot/x/signing.py"},
    "apscheduler": {"bot/daemon.py"},
    "sqlite_utils": {"bot/store.py", "training/library.py"},
    "huggingface_hub": {"training/base_model.py", "training/publish.py"},
    "PIL": {"training/drawing", "training/picture.py", "training/plots.py"},
    "wandb": {"training/tracking.py"},
    "onnxruntime": {"training/light_engine.py"},
    "torch": {"training"},
    "transformers": {"training"},
}
# bot knocks on training's door in few places only, each time inside the function that needs it.
DOORS = {
    "bot/voice.py", "bot/learnt.py", "bot/classifier.py",
    *(str(path.relative_to(ROOT)) for path in ROOT.glob("bot/commands/*.py")),
}  # fmt: skip
# From the top of bot/ down: a file imports only what stands below it.
ORDER = [
    "__main__", "cli", "commands", "arguments", "given", "life", "build_status", "build", "build_replies",
    "rules", "daemon", "heartbeat", "agenda", "diary", "replies", "status", "doctor", "posting", "prompts",
    "score", "outbox", "blocks", "mentions", "breaker", "lookout", "slots", "budget", "ledger", "refusals",
    "review", "x", "voice", "learnt", "classifier", "screen", "store", "nearness", "schema", "backup", "config",
    "settings", "values", "metrics", "patterns", "lines", "tables", "progress", "folder", "room", "store_file",
    "log", "notify", "durations", "clock", "tweets", "scripts", "units", "errors",
]  # fmt: skip


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, at the top of the file) of each import that is executed; those for types only are not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    top = {id(node) for node in tree.body}
    found = []
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(f"{node.module}.{alias.name}", id(node) in top) for alias in node.names]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_a_library_is_imported_only_where_it_is_at_home(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    for module, _ in imports(path):
        homes = ALONE.get(module.split(".")[0])

        assert homes is None or any(name == home or name.startswith(f"{home}/") for home in homes), module


@pytest.mark.parametrize("path", [path for path in SOURCES if "training" in path.parts], ids=lambda path: path.stem)
def test_training_never_imports_bot(path: Path) -> None:
    assert [module for module, _ in imports(path) if module.split(".")[0] == "bot"] == []


@pytest.mark.parametrize("path", [path for path in SOURCES if "bot" in path.parts], ids=lambda path: path.stem)
def test_bot_opens_the_doors_to_training_only_inside_functions(path: Path) -> None:
    for module, at_top in imports(path):
        if module.split(".")[0] == "training":
            assert str(path.relative_to(ROOT)) in DOORS
            assert not at_top, module


@pytest.mark.parametrize("path", [path for path in SOURCES if "bot" in path.parts], ids=lambda path: path.stem)
def test_imports_point_down_the_list(path: Path) -> None:
    own = path.relative_to(ROOT / "bot").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for module, at_top in imports(path):
        parts = module.split(".")
        if parts[0] == "bot" and parts[1] != own and at_top:
            assert ORDER.index(parts[1]) > ORDER.index(own), f"{own} imports {parts[1]}"


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    if path.name == "__init__.py":
        assert path.read_text() == ""
        return

    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring, "no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_no_file_reads_a_clock_but_those_that_may(path: Path) -> None:
    if str(path.relative_to(ROOT)) in {"bot/clock.py", "bot/cli.py", "training/__main__.py"}:
        return
    text = path.read_text(encoding="utf-8")

    assert not re.search(
        r"datetime\.(?:now|utcnow|today)\(|date\.today\(|time\.(?:time|monotonic|perf_counter)\(", text
    )


@pytest.mark.parametrize("path", [path for path in SOURCES if "bot" in path.parts], ids=lambda path: path.stem)
def test_only_the_configuration_reads_the_environment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert path.name == "config.py" or not re.search(r"os\.environ|os\.getenv", text)


@pytest.mark.parametrize("heavy", ["torch", "transformers", "tweepy", "apscheduler", "sqlite_utils", "pydantic"])
def test_importing_the_command_line_loads_nothing_heavy(heavy: str) -> None:
    code = f"import sys, bot.cli; sys.exit({heavy!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_readme_names_every_command_and_no_other() -> None:
    named = set(re.findall(r"`mynah (?:--\S+ \S+ )*([a-z-]+)", README))

    assert named == set(cli.COMMANDS)


def test_every_command_has_its_words() -> None:
    assert set(cli.COMMANDS) == set(arguments.WORDS)


def test_readme_names_only_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))

    assert {"demo", "test"} <= set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_the_version_is_said_once_and_for_all() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == arguments.VERSION
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_lock_file_pins_every_dependency_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *(line for lines in project["project"]["optional-dependencies"].values() for line in lines),
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[\[<>=]", line)[0].lower() for line in wanted} - {"mynah-bot"}
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]

    assert all(re.match(r"[A-Za-z0-9._-]+==\S+", line) for line in lines)
    assert names <= {line.split("==")[0].lower() for line in lines}
    assert "torch==2.13.0" in lines
