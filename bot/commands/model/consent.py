"""The operator's statement that the people whose tweets are learnt agree: kept in the state folder, for the cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import StoreError

if TYPE_CHECKING:
    from bot.config.state_dir import StateDir

FILE = "consent.txt"


def consent(folder: StateDir) -> str:
    """The statement; empty where there is none."""
    from training import private_files

    path = folder.root / FILE
    try:
        return private_files.read(path).decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}): move it away") from error


def keep_consent(folder: StateDir, text: str) -> None:
    """Replace the statement; an empty text removes it."""
    from training import private_files
    from training.card.card import CONSENT

    path = folder.root / FILE
    try:
        if text.strip():
            data = text.strip()[:CONSENT].encode("utf-8", "replace")
            private_files.replace(path, data, temporary=path.with_name(f"{FILE}.new"))
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}): check the state folder") from error
