"""Installs the systemd units of this package into systemd's folder. Starts nothing.

The first line of an installed unit has the hash of its text. That tells a unit that was changed by hand, which is kept,
from one of an earlier mynah, which is renewed.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import MynahError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SYSTEM = Path("etc/systemd/system")
GPU = ("mynah@.service.d/gpu.conf", "mynah-retrain@.service.d/gpu.conf")
PROGRAM = "/opt/mynah/.venv/bin/mynah"  # as the units have it
MARK = re.compile(r"\A# mynah install-units: (\w+)\n")
PLAIN = re.compile(r"/[\w./+@:-]+")  # without spaces, quotes, % and $
HIDDEN = ("/home/", "/root/", "/run/user/")  # invisible to the units because of ProtectHome=


def shipped() -> Path:
    """Find the folder of the units: next to this file if installed, next to the package in the repository."""
    inside = Path(__file__).parent / "systemd"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "systemd"


def example() -> Path:
    """The example configuration."""
    inside = Path(__file__).parent / "systemd" / "config.example.toml"
    return inside if inside.is_file() else Path(__file__).parents[2] / "config.example.toml"


def texts(program: Path, *, gpu: bool) -> dict[str, str]:
    """The texts of the units by their names in systemd's folder."""
    if not PLAIN.fullmatch(str(program)):
        raise MynahError(f"{program}: systemd would misread this path: install mynah into /opt/mynah/.venv")
    folder = shipped()
    originals = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("mynah*@.*"))}
    if gpu:
        originals |= dict.fromkeys(GPU, (folder / "gpu.conf").read_text(encoding="utf-8"))
    return {name: marked(text.replace(PROGRAM, str(program))) for name, text in originals.items()}


def marked(text: str) -> str:
    return f"# mynah install-units: {_digest(text)}\n{text}"


def place(system: Path, units: Mapping[str, str], *, force: bool, dry_run: bool) -> Iterator[tuple[Path, str]]:
    """Each file with its verdict: `new`, `same`, `renewed`, `replaced` (it was changed by hand) or `kept`."""
    for name, text in units.items():
        path = system / name
        try:
            verdict = _verdict(path, text, force=force)
            if verdict not in {"same", "kept"} and not dry_run:
                path.parent.mkdir(parents=True, exist_ok=True)
                if verdict == "replaced":
                    path.replace(path.with_name(f"{path.name}.before"))
                temporary = path.with_name(f".{path.name}.new")
                temporary.write_text(text, encoding="utf-8")
                temporary.chmod(0o644)
                temporary.replace(path)
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not text"
            raise MynahError(f"{path}: {why}; `mynah install-units` writes there, as root") from error
        yield path, verdict


def is_ours(path: Path, original: Path) -> bool:
    """Whether the file is a unit of this package, with any path of the program."""
    if not path.exists():
        return False
    text = MARK.sub("", path.read_text(encoding="utf-8", errors="replace"))
    return re.sub(r"^ExecStart=/\S+/mynah ", f"ExecStart={PROGRAM} ", text, flags=re.MULTILINE) == original.read_text(
        encoding="utf-8"
    )


def _verdict(path: Path, text: str, *, force: bool) -> str:
    if not path.exists():
        return "new"
    installed = path.read_text(encoding="utf-8")
    bare = MARK.sub("", installed)
    if bare == MARK.sub("", text):
        return "same"
    mark = MARK.match(installed)
    if mark and mark[1] == _digest(bare):
        return "renewed"
    return "replaced" if force else "kept"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
