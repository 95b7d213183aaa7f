"""The row of `mynah status` as Prometheus metrics, and the small server that answers `GET /metrics` with it.

prometheus_client writes the text. Its own server would not do: it checks no Host header (DNS rebinding), has no Unix
socket, answers any path, and starts a thread for each request with no bound on its time. Ours answers this machine
alone, one request at a time and each within two seconds: a slow client delays other clients, never the bot.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from bot.config.types import listen_address
from bot.listening import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.core import Metric

REQUEST_SECONDS = 2.0
REQUEST_BYTES = 8_192
RETRY_SECONDS = 1.0  # after a connection that could not be accepted

# name -> (help, key of the row)
GAUGES = {
    "mynah_running": ("1 while a process runs the bot", "running"),
    "mynah_heartbeat_age_seconds": ("time since the last successful heartbeat", "heartbeat_age"),
    "mynah_next_slot_timestamp_seconds": ("next slot", "next_slot"),
    "mynah_last_slot_timestamp_seconds": ("last slot that was used or skipped", "last_slot"),
    "mynah_last_post_timestamp_seconds": ("last post", "last_post"),
    "mynah_paused": ("1 while posting is paused", "paused"),
    "mynah_unknown_posts": ("posts that may or may not exist", "unknown"),
    "mynah_to_review": ("drafts that wait for approval", "to_review"),
    "mynah_mentions_to_look_at": ("mentions that a person should look at: mynah mentions", "to_look_at"),
    "mynah_alerts": ("problems that need a person, as mynah status lists them", "alerts"),
    "mynah_last_backup_timestamp_seconds": ("newest backup", "last_backup"),
    "mynah_mention_lag_seconds": ("how long the oldest unanswered mention has waited", "mention_lag"),
}
# name -> (type, help, key of the row, label)
TABLES: dict[str, tuple[type[GaugeMetricFamily | CounterMetricFamily], str, str, str]] = {
    "mynah_posts": (GaugeMetricFamily, "posts by state", "posts", "state"),
    "mynah_refusals_total": (CounterMetricFamily, "drafts that the screen refused, by reason", "refusals", "reason"),
    "mynah_mentions": (GaugeMetricFamily, "mentions by verdict", "mentions", "verdict"),
}
# name -> (help, keys of the row for the day and the month)
DOLLARS = {
    "mynah_spent_dollars": ("dollars spent", "spent_today", "spent_this_month"),
    "mynah_budget_dollars": ("dollars that may be spent", "budget_per_day", "budget_per_month"),
}


def exposition(row: Mapping[str, Any]) -> str:
    """The text format 0.0.4. Unknown values are left out."""
    return generate_latest(StatusCollector(row)).decode()


class StatusCollector(Collector):
    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row

    def collect(self) -> Iterator[Metric]:
        row = self._row
        info = {name: row.get(name) or "" for name in ("version", "bot", "mode", "model")}
        yield InfoMetricFamily("mynah", "which bot this is", info)
        for name, (help_, key) in GAUGES.items():
            number = _number(row.get(key), key)
            if number is not None:
                yield GaugeMetricFamily(name, help_, number)
        for name, (family, help_, key, label) in TABLES.items():
            table = family(name, help_, labels=[label])
            for value, count in sorted(row.get(key, {}).items()):
                table.add_metric([value], count)
            yield table
        for name, (help_, *keys) in DOLLARS.items():
            dollars = GaugeMetricFamily(name, help_, labels=["span"])
            for span, key in zip(("day", "month"), keys, strict=True):
                dollars.add_metric([span], float(row[key].removeprefix("$")))
            yield dollars


def _number(value: Any, key: str) -> float | None:
    """Convert a value: a list to its length, a timestamp to seconds, and `paused` to 1 if it has a reason, else 0."""
    if key == "paused":
        return float(value is not None)
    if isinstance(value, list | dict):
        return float(len(value))
    if isinstance(value, str):
        return datetime.fromisoformat(value).timestamp()
    return None if value is None else float(value)


class MetricsServer:
    """`text` is called for each request, on the server's thread; an exception becomes a 503."""

    def __init__(
        self, address: tuple[str, int] | Path, text: Callable[[], str], monotonic: Callable[[], float]
    ) -> None:
        self._text = text
        self._monotonic = monotonic
        self._path = address if isinstance(address, Path) else None
        self._socket = listen(address, "metrics.listen")
        self._closed = threading.Event()
        self.port = 0 if self._path else self._socket.getsockname()[1]
        threading.Thread(target=self._serve, name="metrics", daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread out of accept()
        self._socket.close()
        if self._path:
            with suppress(OSError):
                self._path.unlink()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed, or out of file descriptors for a while
                if self._closed.wait(RETRY_SECONDS):
                    return
                continue
            with connection, suppress(OSError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        deadline = self._monotonic() + REQUEST_SECONDS
        head = b""
        while b"\r\n\r\n" not in head:
            connection.settimeout(max(deadline - self._monotonic(), 0.001))
            block = connection.recv(2_048)
            head += block
            if not block or len(head) > REQUEST_BYTES:
                return
        status, body = self._response(head.split(b"\r\n\r\n")[0].decode("latin-1"))
        data = body.encode()
        connection.settimeout(max(deadline - self._monotonic(), 0.1))
        connection.sendall(
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode()
            + data
        )

    def _response(self, head: str) -> tuple[str, str]:
        request, *lines = head.split("\r\n")
        method, _, rest = request.partition(" ")
        hosts = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
        if len(hosts) != 1 or not (self._path or _is_loopback(hosts[0])):  # no host name leads to a Unix socket
            return "421 Misdirected Request", "the Host must be a loopback address, such as 127.0.0.1\n"
        if rest.split(" ")[0].split("?")[0] != "/metrics":
            return "404 Not Found", "only /metrics is served here\n"
        if method != "GET":
            return "405 Method Not Allowed", "only GET\n"
        try:
            return "200 OK", self._text()
        except Exception as error:  # noqa: BLE001  the client gets the message; the bot goes on
            return "503 Service Unavailable", f"{error}\n"


def _is_loopback(host: str) -> bool:
    try:
        return isinstance(listen_address(host if host.rpartition(":")[2].isdigit() else f"{host}:80"), tuple)
    except ValueError:
        return False
