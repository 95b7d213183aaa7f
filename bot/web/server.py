"""The server of the page. A client that sends nothing, or too slowly, does not keep a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    import socket

    from starlette.types import ASGIApp

HEAD_SECONDS = 10.0  # for the first line and the headers of a request; guard.py limits what comes after
HEAD_BYTES = 16_384
MOST_CONNECTIONS = 64
STOP_SECONDS = 5


class Protocol(H11Protocol):
    """uvicorn waits for the head of a request as long as the client likes; this one does not."""

    head_seconds = HEAD_SECONDS
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_timer()
        elif self._timer is None:  # the beginning of a further request
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


def server(app: ASGIApp) -> uvicorn.Server:
    """Its `run(sockets=…)` returns after a signal, or when `should_exit` is set."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,  # nobody's word is taken for who the client is
            limit_concurrency=MOST_CONNECTIONS,
            h11_max_incomplete_event_size=HEAD_BYTES,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


def address_of(listening: socket.socket) -> tuple[str, int] | None:
    """Host and port; None for a Unix socket."""
    name = listening.getsockname()
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None
