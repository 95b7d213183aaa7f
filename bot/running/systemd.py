"""Messages to systemd's notification socket (sd_notify), one datagram each.

No library: sdnotify was last released in 2017 and hides every error, and the others are compiled code.
"""

from __future__ import annotations

import contextlib
import socket


class Notifier:
    """Sends messages to systemd, or none if systemd did not start the process."""

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._is_healthy = True

    def ready(self) -> None:
        self._send("READY=1")

    def reloading(self, monotonic: float) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1_000_000)}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self, status: str) -> None:
        self._is_healthy = True
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def failed(self) -> None:
        """Ignore `keepalive` until the next `alive`."""
        self._is_healthy = False

    def keepalive(self) -> None:
        """Report progress of a long operation, so that the watchdog does not end the process."""
        if self._is_healthy:
            self._send("WATCHDOG=1")

    def needs(self, seconds: int) -> None:
        """Extend the time before `ready`: a first training takes longer than a start."""
        self._send(f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # systemd may not be listening for a moment; if it never does, the watchdog acts.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            out.sendto(message.encode(), self._address)
