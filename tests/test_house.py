"""Rules for the source tree: which folder may import which, and that README and version are up to date."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot import cli
from bot.values import VERSION

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("training/**/*.py")])
IDS = [str(path.relative_to(ROOT)) for path in SOURCES]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# From the top layer down: a folder, or a file beside the folders, imports only what is below it.
LAYERS = {
    "bot": (
        *("__main__", "cli", "web", "commands", "fleet", "running", "replies", "rounds", "sending", "history"),
        *("screen", "voice", "x", "config", "text", "listening", "values", "clock", "errors"),
    ),
    "training": (
        *("pretrain", "retraining", "card", "judge", "speak", "learn"),
        *(
            "models",
            "profile",
            "corpus",
            "library",
            "rules",
            "sources",
            "recipe",
            "installation",
            "sqlite_file",
            "private_files",
            "errors",
        ),
    ),
}
# Only these files and folders import these libraries, so that an upgrade affects one place.
SOLE_IMPORTERS = {
    "tweepy": {"bot/x/twitter.py"},
    "requests": {"bot/x/twitter.py", "bot/x/wire.py"},  # the first only to return responses from tweepy unchanged
    "requests_oauthlib": {"bot/x/signing.py"},
    "apscheduler": {"bot/running/daemon.py"},
    "starlette": {"bot/web"},
    "uvicorn": {"bot/web/server.py"},
    "jinja2": {"bot/web/templating.py"},
    "markdown_it": {"bot/web/learning/card.py"},
    "python_multipart": {"bot/web/learning/upload.py"},
    "apprise": {"bot/running/notifications/targets.py"},
    "prometheus_client": {"bot/running/metrics.py"},
    "sqlite_utils": {"training/sqlite_file.py"},
    "huggingface_hub": {"training/models/base_model.py", "training/card/publish.py"},
    "PIL": {"training/card", "training/sources/avatar.py"},
    "fontTools": {"training/card"},
    "regex": {"training/card"},
    "wandb": {"training/learn/tracking.py"},
    "gguf": {"training/models/gguf_file.py"},
    "onnxruntime": {"training/speak/onnx_engine.py"},
    "torch": {"training"},
    "transformers": {"training"},
}
# Where the bot imports training, inside the function that needs it.
IMPORTS_TRAINING = (
    *("bot/commands/", "bot/config/state_dir.py", "bot/errors.py", "bot/history/file.py"),
    *("bot/fleet/voices.py", "bot/screen/classifier.py", "bot/voice/model_voice.py", "bot/web/"),
)
MOST_FOLDERS, MOST_FILES = 13, 16


def imports(path: Path, *, types: bool = True) -> list[tuple[str, bool]]:
    """(module, whether at the top of the file) of each import; `types`: also those under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    top = {id(node) for node in tree.body}
    names = []
    for node in ast.walk(tree):
        if id(node) in for_types and not types:
            continue
        if isinstance(node, ast.Import):
            names += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [(f"{node.module}.{alias.name}", id(node) in top) for alias in node.names]
    return names


def modules(module: str) -> Path | None:
    """The file of a module of this project, or of the module that a name is imported from."""
    for parts in (module.split("."), module.split(".")[:-1]):
        path = ROOT.joinpath(*parts).with_suffix(".py")
        if path.exists():
            return path
    return None


@pytest.mark.parametrize("package", LAYERS)
def test_the_layers_include_every_folder_and_file(package: str) -> None:
    entries = {
        path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    assert entries - {"__init__"} == set(LAYERS[package])


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_a_folder_imports_only_folders_below_it(path: Path) -> None:
    package, layer = path.relative_to(ROOT).parts[:2]
    layers = LAYERS[package]
    layer = layer.removesuffix(".py")
    for module, _ in imports(path):
        parts = module.split(".")
        if layer != "__init__" and parts[0] == package and parts[1] != layer:
            assert layers.index(parts[1]) > layers.index(layer), f"{path.relative_to(ROOT)} imports {module}"


def test_no_two_files_import_each_other() -> None:
    arrows = {path: {modules(module) for module, _ in imports(path)} - {None, path} for path in SOURCES}
    remaining = set(SOURCES)
    while leaves := {path for path in remaining if not arrows[path] & remaining}:
        remaining -= leaves

    assert not remaining, "in a circle, or above one"


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in SOURCES}), ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_folder_has_too_many_entries(folder: Path) -> None:
    files = [path for path in folder.iterdir() if path.suffix == ".py" and path.name != "__init__.py"]
    folders = [path for path in folder.iterdir() if (path / "__init__.py").exists()]

    assert len(files) <= MOST_FILES
    assert len(folders) <= MOST_FOLDERS


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_a_library_is_imported_only_in_its_files(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    for module, _ in imports(path, types=False):
        homes = SOLE_IMPORTERS.get(module.split(".")[0])

        assert homes is None or any(name == home or name.startswith(f"{home}/") for home in homes), module


@pytest.mark.parametrize("path", [path for path in SOURCES if "training" in path.parts], ids=lambda path: path.stem)
def test_training_never_imports_bot(path: Path) -> None:
    assert [module for module, _ in imports(path) if module.split(".")[0] == "bot"] == []


@pytest.mark.parametrize("path", [path for path in SOURCES if "bot" in path.parts], ids=lambda path: path.stem)
def test_bot_imports_training_only_inside_functions_of_a_few_files(path: Path) -> None:
    for module, at_top in imports(path, types=False):
        if module.split(".")[0] == "training":
            assert str(path.relative_to(ROOT)).startswith(IMPORTS_TRAINING)
            assert not at_top, module


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    if path.name == "__init__.py":
        assert path.read_text() == ""
        return

    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring, "no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_only_a_few_files_read_a_clock(path: Path) -> None:
    if str(path.relative_to(ROOT)) in {"bot/clock.py", "training/pretrain/__main__.py"}:
        return
    text = path.read_text(encoding="utf-8")

    assert not re.search(
        r"datetime\.(?:now|utcnow|today)\(|date\.today\(|time\.(?:time|monotonic|perf_counter)\(", text
    )


@pytest.mark.parametrize("path", [path for path in SOURCES if "bot" in path.parts], ids=lambda path: path.stem)
def test_only_the_configuration_reads_the_environment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    homes = {ROOT / "bot/config/load.py", ROOT / "bot/commands/console/terminal.py"}
    assert path in homes or not re.search(r"os\.environ|os\.getenv", text)


@pytest.mark.parametrize(
    "library", ["torch", "transformers", "tweepy", "apscheduler", "sqlite_utils", "pydantic", "rich"]
)
def test_importing_the_command_line_loads_nothing_heavy(library: str) -> None:
    code = f"import sys, bot.cli; sys.exit({library!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_readme_names_every_command_and_no_other() -> None:
    commands = set(re.findall(r"`mynah (?:--\S+ \S+ )*([a-z-]+)", README))

    assert commands == set(cli.COMMANDS)


def test_the_help_lists_every_command() -> None:
    names = re.findall(r"^  ([a-z][a-z-]*)\b", cli.parser().format_help(), re.MULTILINE)

    assert names == list(cli.COMMANDS)


def test_readme_names_only_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))

    assert {"demo", "test"} <= set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == VERSION
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_lock_file_pins_every_dependency_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = [
        *project["project"]["dependencies"],
        *(line for lines in project["project"]["optional-dependencies"].values() for line in lines),
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[\[<>=]", line)[0].lower() for line in requirements} - {"mynah-bot"}
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]

    assert all(re.match(r"[A-Za-z0-9._-]+==\S+", line) for line in lines)
    assert names <= {line.split("==")[0].lower() for line in lines}
    assert "torch==2.13.0" in lines
