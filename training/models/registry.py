"""The versions of a model in one folder, and `current`, the link to the one in use, which is swapped atomically.

`before` lists the versions that were current earlier, oldest first. It is written before the link is swapped: a crash
between the two leaves at worst the current version as the last line, which readers skip.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training import private_files
from training.errors import ModelError, StateBusy
from training.models import model_dir
from training.models.disk import sync
from training.models.model_dir import HALF_MADE, MANIFEST, Manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

CURRENT = "current"
BEFORE = "before"
BLIND_TEST = ".blindtest.json"  # after a version's name: a file beside the folder, see training/judge/blind_test.py
UNFINISHED = "unfinished"  # folder of an interrupted training: its last checkpoint, and the metrics so far
FORGOTTEN = "forgotten"  # the versions that learnt somebody who was forgotten
NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # also of a folder that somebody else has named


@dataclass(frozen=True, slots=True)
class Version:
    """A version by its manifest and the sizes of its files; their content is not read."""

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
    """Lock the folder for one training, and delete the unfinished files of a killed one."""
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
        before(models)  # an unreadable file is an error now, and not after hours of work
        yield
    finally:
        os.close(handle)  # also releases the lock, as the end of the process would


def new_version(models: Path, *, now: datetime, seed: int) -> Path:
    """The folder of a new version. Names sort by time; the seed distinguishes two versions of the same second."""
    return models / f"{now:%Y%m%dT%H%M%SZ}-{seed & 0xFFFF:04x}"


def versions(models: Path) -> list[Version]:
    """Oldest first; other folders are ignored."""
    if not models.is_dir():
        return []
    in_use = _in_use(models)
    try:
        folders = (path for path in models.iterdir() if not path.is_symlink() and path.is_dir())
        ours = [path for path in folders if _is_version(path)]
    except OSError as error:
        raise ModelError(f"{models} cannot be read ({error.strerror}): check its owner and its mode.") from error
    return [_glance(path, in_use=path.name == in_use) for path in sorted(ours, key=lambda path: path.name)]


def find(models: Path, name: str) -> Path:
    """The version with this name or a unique prefix of it; `current` is the one in use."""
    if name == CURRENT:
        folder = current(models)
        if folder is None:
            raise ModelError(f"There is no current model in {models} yet: `mynah retrain` makes one.")
        return folder
    folders = [version.folder for version in versions(models)]
    exact = [folder for folder in folders if folder.name == name]
    matches = exact or [folder for folder in folders if name and folder.name.startswith(name)]
    if len(matches) != 1:
        which = f"{len(matches)} versions begin with" if matches else "No version is called"
        raise ModelError(f'{which} "{name}" in {models}: `mynah models` lists them.')
    return matches[0]


def promote(version: Path) -> None:
    """Make this version the current one; a reader sees the old one or the new one, never neither.

    A version that is not whole is a ModelError.
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
    """Return to the version that was current before; called again, to the one before that."""
    earlier = before(models)
    if not earlier:
        raise ModelError(f"No earlier version is left in {models}: `mynah models` lists the versions to promote.")
    version = models / earlier.pop()
    model_dir.check(version)
    _swap(version)
    _write_before(models, earlier)
    return version


def prune(models: Path, *, keep: int) -> list[str]:
    """Delete all but the newest `keep` versions; the current one and the one before it stay, whatever their age."""
    present = versions(models)
    spared = {version.name for version in present if version.in_use}.union(before(models)[-1:])
    removed = [version.name for version in present[: max(0, len(present) - keep)] if version.name not in spared]
    for name in removed:
        gone = models / (name + HALF_MADE)  # readers ignore it, and `hold` finishes an interrupted deletion
        (models / name).rename(gone)
        shutil.rmtree(gone)
        (models / (name + BLIND_TEST)).unlink(missing_ok=True)
    return removed


def delete(models: Path, names: Collection[str]) -> None:
    """Delete versions for good, the current one too if it is among them."""
    if _in_use(models) in names:
        (models / CURRENT).unlink()
    earlier = [name for name in before(models) if name not in names]
    for name in names:
        gone = models / (name + HALF_MADE)
        (models / name).rename(gone)
        shutil.rmtree(gone)
        (models / (name + BLIND_TEST)).unlink(missing_ok=True)
    if (models / BEFORE).exists():
        _write_before(models, earlier)


def trained_on(models: Path, author: str) -> tuple[list[str], list[str]]:
    """The versions that learnt this author's tweets, and those that do not say what they learnt."""
    learnt, silent = [], []
    for version in versions(models):
        try:
            if author in model_dir.read_manifest(version.folder).authors:
                learnt.append(version.name)
        except ModelError:
            silent.append(version.name)
    return learnt, silent


def mark_forgotten(models: Path, names: Collection[str]) -> None:
    """Note that these versions learnt the tweets of somebody who was forgotten: no model may continue from them."""
    content = "".join(f"{name}\n" for name in sorted({*_forgotten(models), *names})).encode()
    private_files.replace(models / FORGOTTEN, content, temporary=models / (FORGOTTEN + HALF_MADE))


def is_forgotten(version: Path) -> bool:
    return version.name in _forgotten(version.parent)


def _forgotten(models: Path) -> set[str]:
    try:
        return set(private_files.read(models / FORGOTTEN).decode("utf-8", "replace").splitlines())
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise ModelError(f"{models / FORGOTTEN} cannot be read ({error.strerror}): move it away.") from error


def current(models: Path) -> Path | None:
    """The folder of the current version, by its own name, so that a later promotion does not change it."""
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
    """The names of the versions that were current earlier, oldest first, as far as they still exist."""
    in_use = _in_use(models)
    try:
        lines = private_files.read(models / BEFORE).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(f"{models / BEFORE} cannot be read ({error.strerror}): move it away.") from error
    present = {version.name for version in versions(models)}
    names = [name for name in lines if name in present]
    while names and names[-1] == in_use:
        names.pop()
    return names


def _in_use(models: Path) -> str | None:
    """The version that the link names, even if it is missing. Only the last part counts: it stays in this folder."""
    link = models / CURRENT
    try:
        if link.is_symlink():
            name = link.readlink().name
            if not PLAIN.fullmatch(name):  # the name is written to files and shown
                raise ModelError(f"{link} does not name a version: promote one, `mynah models` lists them.")
            (models / name).is_dir()  # an error now, and not for whoever opens it, where that is not allowed
            return name
        if link.exists():  # for example a copy that followed the link
            raise ModelError(f"{link} is not a link to a version: move it away, then promote a version.")
    except OSError as error:
        raise ModelError(f"{models} cannot be read ({error.strerror}): check its owner and its mode.") from error
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
    for name, (_, expected) in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != expected:
            return Version(folder, in_use, size, None, f"{path} is not what its manifest says: train the model again.")
    return Version(folder, in_use, size, manifest)


def _swap(version: Path) -> None:
    link = version.with_name(CURRENT)
    temporary = version.with_name(CURRENT + HALF_MADE)
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(version.name)
    temporary.replace(link)
    sync(version.parent)


def _write_before(models: Path, names: Sequence[str]) -> None:
    content = "".join(f"{name}\n" for name in names).encode()
    private_files.replace(models / BEFORE, content, temporary=models / (BEFORE + HALF_MADE))


def _clear_half_made(models: Path) -> None:
    for left in models.glob("*" + HALF_MADE):
        if left.is_symlink() or not left.is_dir():
            left.unlink()
        else:
            shutil.rmtree(left)
