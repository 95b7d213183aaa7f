"""The command that installs what is missing: one that works, however mynah was installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training import installation

if TYPE_CHECKING:
    from pathlib import Path

METADATA = """Metadata-Version: 2.4
Name: mynah-bot
Version: 9
Requires-Dist: rich<16,>=14
Requires-Dist: nothing-of-that-name<2,>=1.24; extra == 'speak'
Requires-Dist: nothing-else; extra == 'speak'
Requires-Dist: pytest; extra == 'wandb'
Requires-Dist: nothing-more; extra == 'train'
"""
Install = "Callable[[dict[str, Any] | None], Path]"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs the metadata of a distribution from an origin, and gives the prefix of its environment, with a pip."""

    def install(origin: dict[str, Any] | None) -> Path:
        about = tmp_path / "site" / "mynah_bot-9.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(METADATA)
        if origin:
            (about / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.syspath_prepend(str(about.parent))
        (tmp_path / "env" / "bin").mkdir(parents=True)
        (tmp_path / "env" / "bin" / "pip").touch()
        return tmp_path / "env"

    return install


def test_from_an_index_it_is_the_pip_of_the_environment_and_the_name(installed: Install) -> None:
    prefix = installed(None)

    assert installation.command("speak", prefix) == f"{prefix}/bin/pip install 'mynah-bot[speak]'"


def test_from_a_wheel_it_is_that_wheel(installed: Install, tmp_path: Path) -> None:
    wheel = tmp_path / "a wheel.whl"
    wheel.touch()
    prefix = installed({"url": wheel.as_uri(), "archive_info": {}})

    assert installation.command("speak", prefix).endswith(f"install 'mynah-bot[speak] @ {wheel.as_uri()}'")


def test_from_a_wheel_that_is_gone_it_names_the_packages(installed: Install) -> None:
    prefix = installed({"url": "file:///nowhere/it.whl", "archive_info": {}})

    command = installation.command("speak", prefix)

    assert command == f"{prefix}/bin/pip install 'nothing-of-that-name<2,>=1.24' nothing-else"


def test_from_a_folder_it_is_that_folder(installed: Install, tmp_path: Path) -> None:
    prefix = installed({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})

    assert installation.command("speak", prefix).endswith(f"install '{tmp_path}[speak]'")


def test_from_a_repository_it_is_that_commit(installed: Install) -> None:
    prefix = installed({"url": "https://e.org/m", "vcs_info": {"vcs": "git", "commit_id": "abc"}})

    assert installation.command("speak", prefix).endswith("install 'mynah-bot[speak] @ git+https://e.org/m@abc'")


def test_uv_installs_again_with_the_extras_that_are_there(installed: Install) -> None:
    prefix = installed(None)
    (prefix / "uv-receipt.toml").touch()

    assert installation.command("speak", prefix) == "uv tool install --force 'mynah-bot[speak,wandb]'"


def test_pipx_adds_to_what_it_has_installed(installed: Install) -> None:
    prefix = installed(None)
    (prefix / "pipx_metadata.json").touch()

    assert installation.command("speak", prefix) == "pipx runpip mynah-bot install 'mynah-bot[speak]'"


def test_uvx_is_started_again_with_the_extra(installed: Install) -> None:
    prefix = installed(None).parent / "uv" / "archive-v0" / "aBc"

    assert installation.command("speak", prefix) == "uvx --from 'mynah-bot[speak,wandb]' mynah"


def test_without_pip_in_the_environment_uv_installs_into_it(
    installed: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = installed(None)
    (prefix / "bin" / "pip").unlink()
    monkeypatch.setattr(installation, "find_spec", lambda name: None if name == "pip" else name)

    assert installation.command("speak", prefix) == f"uv pip install --python {prefix} 'mynah-bot[speak]'"


def test_before_torch_is_installed_its_size_and_the_small_build_are_named(
    installed: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = installed(None)
    monkeypatch.setattr(installation, "find_spec", lambda name: None if name == "torch" else name)
    monkeypatch.setattr(installation.sys, "platform", "linux")

    command = installation.command("train", prefix)

    assert command.startswith(f"{prefix}/bin/pip install 'mynah-bot[train]' (several GB")
    assert f"first run `{prefix}/bin/pip install torch --index-url {installation.CPU_TORCH}`" in command


def test_uv_chooses_the_build_of_torch_itself(installed: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = installed(None)
    (prefix / "uv-receipt.toml").touch()
    monkeypatch.setattr(installation, "find_spec", lambda name: None if name == "torch" else name)

    command = installation.command("train", prefix)

    assert command == "uv tool install --force --torch-backend=auto 'mynah-bot[train,wandb]'"


def test_a_module_of_no_extra_is_a_bug_and_has_no_command() -> None:
    assert installation.how_to_install("bot.nothing") is None
