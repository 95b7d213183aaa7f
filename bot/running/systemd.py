"""systemd's notification socket: one datagram a message.

By hand: sdnotify was last released in 2017 and hides every error, the others are compiled code for these lines.
"""

from __future__ import annotations

import contextlib
import socket


class Notifier:
    """Silent where systemd did not start us."""

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._is_well = True

    def ready(self) -> None:
        self._send("READY=1")

    def reloading(self, monotonic: float) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1_000_000)}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self, status: str) -> None:
        self._is_well = True
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def failed(self) -> None:
        """What moves on no longer counts, until something ends well again."""
        self._is_well = False

    def keepalive(self) -> None:
        """In the midst of what takes long, so that the watchdog lets it end."""
        if self._is_well:
            self._send("WATCHDOG=1")

    def needs(self, seconds: int) -> None:
        """More time before `ready`: a first training takes longer than a start."""
        self._send(f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # Nobody listens, for a moment or for good: the watchdog, if there is one, will say so.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            out.sendto(message.encode(), self._address)
