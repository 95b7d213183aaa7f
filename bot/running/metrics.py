"""How the bot stands as Prometheus reads it, and the door where that is asked for. It knows no history and no settings.

One thread answers one question at a time, each within two seconds, and only from this machine: whoever dawdles keeps
other askers waiting, never the bot. A name that was made to point here (DNS rebinding) is turned away by its Host.
"""

from __future__ import annotations

import socket
import stat
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.config.types import listen_address
from bot.errors import MynahError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LONGEST = 2.0  # seconds for one question
MOST = 8_192  # bytes of one
AGAIN = 1.0  # seconds

# name -> (type, help, where in the row); labels come from the keys of what is there
FIGURES = {
    "mynah_running": ("gauge", "1 while a process lives as the bot", "running"),
    "mynah_heartbeat_age_seconds": ("gauge", "since a heartbeat last ended well", "heartbeat_age"),
    "mynah_next_slot_timestamp_seconds": ("gauge", "when it may speak next", "next_slot"),
    "mynah_last_slot_timestamp_seconds": ("gauge", "the last slot that was used or skipped", "last_slot"),
    "mynah_last_post_timestamp_seconds": ("gauge", "when something went out last", "last_post"),
    "mynah_paused": ("gauge", "1 while nothing may go out", "paused"),
    "mynah_unknown_posts": ("gauge", "posts that may or may not exist", "unknown"),
    "mynah_to_review": ("gauge", "drafts that wait for a yes", "to_review"),
    "mynah_alerts": ("gauge", "what wants a person, as mynah status lists it", "alerts"),
    "mynah_last_backup_timestamp_seconds": ("gauge", "when the newest backup was made", "last_backup"),
    "mynah_mention_lag_seconds": ("gauge", "how long the oldest unanswered mention has waited", "mention_lag"),
}
TABLES = {
    "mynah_posts": ("gauge", "posts by state", "posts", "state"),
    "mynah_refusals_total": ("counter", "drafts that the screen turned down, by reason", "refusals", "reason"),
    "mynah_mentions": ("gauge", "mentions by verdict", "mentions", "verdict"),
}
MONEY = {
    "mynah_spent_dollars": ("what was spent", "spent_today", "spent_this_month"),
    "mynah_budget_dollars": ("what may be spent", "budget_per_day", "budget_per_month"),
}


def exposition(row: Mapping[str, Any]) -> str:
    """The text format 0.0.4. What is not known is left out."""
    return "".join(f"{line}\n" for line in _lines(row))


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    yield from _head("mynah_info", "gauge", "which bot this is")
    about = ",".join(f'{name}="{_escaped(row.get(name))}"' for name in ("version", "bot", "mode", "model"))
    yield f"mynah_info{{{about}}} 1"
    for name, (kind, help_, key) in FIGURES.items():
        value = _number(row.get(key), key)
        if value is not None:
            yield from _head(name, kind, help_)
            yield f"{name} {value:.15g}"
    for name, (kind, help_, key, label) in TABLES.items():
        yield from _head(name, kind, help_)
        for what, number in sorted(row.get(key, {}).items()):
            yield f'{name}{{{label}="{_escaped(what)}"}} {number}'
    for name, (help_, *keys) in MONEY.items():
        yield from _head(name, "gauge", help_)
        for span, key in zip(("day", "month"), keys, strict=True):
            yield f'{name}{{span="{span}"}} {str(row[key]).removeprefix("$")}'


def _head(name: str, kind: str, help_: str) -> Iterator[str]:
    yield f"# HELP {name} {help_}"
    yield f"# TYPE {name} {kind}"


def _number(value: Any, key: str) -> float | None:
    """A list counts, a moment is its seconds, and to be paused is a sentence."""
    if key == "paused":
        return float(value is not None)
    if isinstance(value, list | dict):
        return float(len(value))
    if isinstance(value, str):
        return datetime.fromisoformat(value).timestamp()
    return None if value is None else float(value)


def _escaped(value: Any) -> str:
    return str(value if value is not None else "").replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class MetricsServer:
    """`text` is called once a question, on a thread of its own; what it raises becomes a 503."""

    def __init__(self, at: tuple[str, int] | Path, text: Callable[[], str], monotonic: Callable[[], float]) -> None:
        self._text = text
        self._monotonic = monotonic
        self._path = at if isinstance(at, Path) else None
        inet = socket.AF_INET6 if isinstance(at, tuple) and ":" in at[0] else socket.AF_INET
        self._socket = socket.socket(socket.AF_UNIX if self._path else inet)
        try:
            if self._path:
                _clear(self._path)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(str(at) if isinstance(at, Path) else at)
            self._socket.listen(16)
        except OSError as error:
            self._socket.close()
            where = at if isinstance(at, Path) else f"{at[0]}, port {at[1]}"
            raise MynahError(f"metrics.listen: {where}: {error.strerror or error}; choose another place") from error
        self._closed = threading.Event()
        self.port = 0 if self._path else self._socket.getsockname()[1]
        threading.Thread(target=self._answer_all, name="metrics", daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the one who waits at it
        self._socket.close()
        if self._path:
            with suppress(OSError):
                self._path.unlink()

    def _answer_all(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:  # closed; or there is no descriptor left, for a while
                if self._closed.wait(AGAIN):
                    return
                continue
            with caller, suppress(OSError):
                self._answer(caller)

    def _answer(self, caller: socket.socket) -> None:
        until = self._monotonic() + LONGEST
        head = b""
        while b"\r\n\r\n" not in head:
            caller.settimeout(max(until - self._monotonic(), 0.001))
            part = caller.recv(2_048)
            head += part
            if not part or len(head) > MOST:
                return
        status, body = self._page(head.split(b"\r\n\r\n")[0].decode("latin-1"))
        data = body.encode()
        caller.settimeout(max(until - self._monotonic(), 0.1))
        caller.sendall(
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode()
            + data
        )

    def _page(self, head: str) -> tuple[str, str]:
        request, *lines = head.split("\r\n")
        method, _, rest = request.partition(" ")
        hosts = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
        if len(hosts) != 1 or not _is_here(hosts[0], by_path=self._path is not None):
            return "421 Misdirected Request", "this is asked for by the address of this machine itself\n"
        if rest.split(" ")[0].split("?")[0] != "/metrics":
            return "404 Not Found", "/metrics is all there is\n"
        if method != "GET":
            return "405 Method Not Allowed", "only GET\n"
        try:
            return "200 OK", self._text()
        except Exception as error:  # noqa: BLE001  an asker is told; the bot goes on
            return "503 Service Unavailable", f"{error}\n"


def _clear(path: Path) -> None:
    """Of a bot that was killed: nobody listens there any more. No other kind of file is touched."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            with socket.socket(socket.AF_UNIX) as caller:
                caller.settimeout(LONGEST)
                try:
                    caller.connect(str(path))
                except ConnectionRefusedError:
                    path.unlink()


def _is_here(host: str, *, by_path: bool) -> bool:
    if by_path:
        return True  # no name led here
    try:
        return isinstance(listen_address(host if host.rpartition(":")[2].isdigit() else f"{host}:80"), tuple)
    except ValueError:
        return False
