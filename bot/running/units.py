"""systemd's units, as they lie in this package, and how they come into systemd's own folder. It starts nothing.

What it puts there carries the hash of its own text in the first line, so that a unit which somebody changed by hand is
known from one that an earlier mynah left, and is not overwritten.
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
HIDDEN = ("/home/", "/root/", "/run/user/")  # from the units, by ProtectHome=


def shipped() -> Path:
    """In an installed package beside this file, in the repository beside the package."""
    inside = Path(__file__).parent / "systemd"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "systemd"


def example() -> Path:
    """The configuration to begin with."""
    inside = Path(__file__).parent / "systemd" / "config.example.toml"
    return inside if inside.is_file() else Path(__file__).parents[2] / "config.example.toml"


def texts(program: Path, *, gpu: bool) -> dict[str, str]:
    """What is to lie where in systemd's folder."""
    if not PLAIN.fullmatch(str(program)):
        raise MynahError(
            f"{program}: systemd does not take this path as it stands: install mynah into /opt/mynah/.venv"
        )
    folder = shipped()
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("mynah*@.*"))}
    if gpu:
        found |= dict.fromkeys(GPU, (folder / "gpu.conf").read_text(encoding="utf-8"))
    return {name: marked(text.replace(PROGRAM, str(program))) for name, text in found.items()}


def marked(text: str) -> str:
    return f"# mynah install-units: {_digest(text)}\n{text}"


def place(system: Path, wanted: Mapping[str, str], *, force: bool, only_say: bool) -> Iterator[tuple[Path, str]]:
    """Each file, and what becomes of it: `new`, `same`, `renewed`, `replaced` (it was changed by hand) or `kept`."""
    for name, text in wanted.items():
        path = system / name
        try:
            verdict = _verdict(path, text, force=force)
            if verdict not in {"same", "kept"} and not only_say:
                path.parent.mkdir(parents=True, exist_ok=True)
                if verdict == "replaced":
                    path.replace(path.with_name(f"{path.name}.before"))
                beside = path.with_name(f".{path.name}.new")
                beside.write_text(text, encoding="utf-8")
                beside.chmod(0o644)
                beside.replace(path)
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not text"
            raise MynahError(f"{path}: {why}; `mynah install-units` writes there, as root") from error
        yield path, verdict


def is_ours(path: Path, original: Path) -> bool:
    """Is what lies there the unit of this package, for whichever program?"""
    if not path.exists():
        return False
    text = MARK.sub("", path.read_text(encoding="utf-8", errors="replace"))
    return re.sub(r"^ExecStart=/\S+/mynah ", f"ExecStart={PROGRAM} ", text, flags=re.MULTILINE) == original.read_text(
        encoding="utf-8"
    )


def _verdict(path: Path, text: str, *, force: bool) -> str:
    if not path.exists():
        return "new"
    there = path.read_text(encoding="utf-8")
    bare = MARK.sub("", there)
    if bare == MARK.sub("", text):
        return "same"
    mark = MARK.match(there)
    if mark and mark[1] == _digest(bare):
        return "renewed"
    return "replaced" if force else "kept"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
