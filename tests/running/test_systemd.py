from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from bot.running.systemd import Notifier

if TYPE_CHECKING:
    from pathlib import Path


def test_messages_arrive_again_after_the_socket_was_missing(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    notifier = Notifier(address)
    notifier.ready()

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(10)
        notifier.stopping()

        assert systemd.recv(100) == b"STOPPING=1"
