"""The versions of a model in one folder, and `current`, the link to the one in use, swapped in one move.

`before` lists the versions that were in use until then, the oldest first: it is written before the link is swapped,
so that a crash between the two leaves at worst the version in use as its own last line, which readers pass over.
It knows names, links and manifests, not how a version is made.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.errors import ModelError, StateBusy
from training.models import model_dir
from training.models.disk import sync
from training.models.model_dir import HALF_MADE, MANIFEST, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

CURRENT = "current"
BEFORE = "before"
NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")


@dataclass(frozen=True, slots=True)
class Version:
    """A version as its folder says, at a glance: whether each file is there in its size, not what is in it."""

    folder: Path
    in_use: bool
    bytes: int
    manifest: Manifest | None  # None where it is damaged
    damage: str = ""  # a sentence

    @property
    def name(self) -> str:
        return self.folder.name


@contextmanager
def hold(models: Path) -> Iterator[None]:
    """Only one training at a time writes here; what an earlier one left half-made is cleared away."""
    try:
        models.mkdir(parents=True, exist_ok=True)
        handle = os.open(models, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ModelError(f"{models} cannot hold models: {error.strerror}; choose another folder.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateBusy(f"Another training is at work in {models}: wait until it has finished.") from error
        _clear_half_made(models)
        before(models)  # what cannot be read is said now, and not after hours of work
        yield
    finally:
        os.close(handle)  # and with it the lock, as it is when the process is killed


def new_version(models: Path, *, now: datetime, seed: int) -> Path:
    """Sorts by time; the seed tells two of the same second apart."""
    return models / f"{now:%Y%m%dT%H%M%SZ}-{seed & 0xFFFF:04x}"


def versions(models: Path) -> list[Version]:
    """The oldest first; folders that are no versions are not ours to list."""
    if not models.is_dir():
        return []
    in_use = _in_use(models)
    folders = (path for path in models.iterdir() if path.is_dir() and not path.is_symlink())
    ours = [path for path in folders if _is_version(path)]
    return [_glance(path, in_use=path.name == in_use) for path in sorted(ours, key=lambda path: path.name)]


def find(models: Path, name: str) -> Path:
    """The version of that name, or the only one whose name begins so; `current` is the one in use."""
    if name == CURRENT:
        found = current(models)
        if found is None:
            raise ModelError(f"There is no model in use in {models} yet: `mynah retrain` makes one.")
        return found
    there = [version.folder for version in versions(models)]
    exact = [folder for folder in there if folder.name == name]
    found_all = exact or [folder for folder in there if name and folder.name.startswith(name)]
    if len(found_all) != 1:
        which = f"{len(found_all)} versions begin with" if found_all else "No version is called"
        raise ModelError(f'{which} "{name}" in {models}: `mynah models` lists them.')
    return found_all[0]


def promote(version: Path) -> None:
    """From now on this version is the one in use; a reader sees the old one or the new one, never neither.

    A version that is not whole is refused with a ModelError.
    """
    model_dir.check(version)
    models = version.parent
    in_use = _in_use(models)
    if in_use == version.name:
        return
    if in_use is not None:
        _write_before(models, [*(name for name in before(models) if name != version.name), in_use])
    _swap(version)


def rollback(models: Path) -> Path:
    """Back to the version that was in use before the one that is; once more, and to the one before that."""
    left = before(models)
    if not left:
        raise ModelError(f"No earlier version is left in {models}: `mynah models` lists what there is to promote.")
    version = models / left.pop()
    model_dir.check(version)
    _swap(version)
    _write_before(models, left)
    return version


def prune(models: Path, *, keep: int) -> list[str]:
    """Remove all but the newest `keep` versions; the one in use and the one before it stay, whatever their age."""
    there = versions(models)
    spared = {version.name for version in there if version.in_use}.union(before(models)[-1:])
    removed = [version.name for version in there[: max(0, len(there) - keep)] if version.name not in spared]
    for name in removed:
        gone = models / (name + HALF_MADE)  # no reader takes it for a version, and `hold` finishes what is cut short
        (models / name).rename(gone)
        shutil.rmtree(gone)
    return removed


def current(models: Path) -> Path | None:
    """The folder of the version in use, by its own name, so that a later promotion does not change it underfoot."""
    in_use = _in_use(models)
    if in_use is None:
        return None
    version = models / in_use
    if not version.is_dir():
        raise ModelError(
            f"{models / CURRENT} points to {in_use}, which is gone: train again or promote another version."
        )
    return version


def before(models: Path) -> list[str]:
    """The names of the versions that were in use before the one that is, the oldest first, as far as they are there."""
    in_use = _in_use(models)
    try:
        said = (models / BEFORE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(f"{models / BEFORE} cannot be read ({error.strerror}): move it away.") from error
    there = {version.name for version in versions(models)}
    names = [name for name in said if name in there]
    while names and names[-1] == in_use:
        names.pop()
    return names


def _in_use(models: Path) -> str | None:
    """What the link points to, whether it is there or not; only its name counts, so that it leads nowhere else."""
    link = models / CURRENT
    if link.is_symlink():
        return link.readlink().name
    if link.exists():  # a copy that followed the link, say
        raise ModelError(f"{link} is no link to a version: move it away, then promote the version that is to be used.")
    return None


def _is_version(folder: Path) -> bool:
    if folder.name.endswith(HALF_MADE):
        return False
    return bool(NAME.fullmatch(folder.name)) or (folder / MANIFEST).is_file()


def _glance(folder: Path, *, in_use: bool) -> Version:
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    try:
        manifest = model_dir.read_manifest(folder)
    except ModelError as error:
        return Version(folder, in_use, size, None, str(error))
    for name, (_, wanted) in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != wanted:
            return Version(folder, in_use, size, None, f"{path} is not what its manifest says: train the model again.")
    return Version(folder, in_use, size, manifest)


def _swap(version: Path) -> None:
    link = version.with_name(CURRENT)
    coming = version.with_name(CURRENT + HALF_MADE)
    coming.unlink(missing_ok=True)
    coming.symlink_to(version.name)
    coming.replace(link)
    sync(version.parent)


def _write_before(models: Path, names: Sequence[str]) -> None:
    coming = models / (BEFORE + HALF_MADE)
    coming.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    sync(coming)
    coming.replace(models / BEFORE)
    sync(models)


def _clear_half_made(models: Path) -> None:
    for left in models.glob("*" + HALF_MADE):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()
