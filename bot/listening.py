"""Sockets to listen on: an address of this machine, or a Unix socket, whose left-over file is removed first."""

from __future__ import annotations

import socket
import stat
from contextlib import suppress
from pathlib import Path

from bot.errors import MynahError

PATIENCE = 2.0  # seconds for a program that may still listen there
BACKLOG = 16


def listen(
    address: tuple[str, int] | Path, setting: str, *, backlog: int = BACKLOG, mode: int | None = None
) -> socket.socket:
    """`setting` is the key to name if the address cannot be had; `mode` is that of a Unix socket's file."""
    inet = socket.AF_INET6 if isinstance(address, tuple) and ":" in address[0] else socket.AF_INET
    opened = socket.socket(socket.AF_UNIX if isinstance(address, Path) else inet)
    try:
        if isinstance(address, Path):
            remove_stale_socket(address)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(str(address) if isinstance(address, Path) else address)
        if isinstance(address, Path) and mode is not None:
            address.chmod(mode)
        opened.listen(backlog)
    except OSError as error:
        opened.close()
        where = address if isinstance(address, Path) else f"{address[0]}, port {address[1]}"
        raise MynahError(f"{setting}: {where}: {error.strerror or error}; choose another address") from error
    return opened


def remove_stale_socket(path: Path) -> None:
    """Remove a socket that a killed process has left. A socket in use and any other kind of file stay."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                try:
                    client.connect(str(path))
                except ConnectionRefusedError:
                    path.unlink()
