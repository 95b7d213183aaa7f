"""The fake X on a loopback socket: a real HTTP server that can also fail in every way that a network can.

    with FakeX(World(newcomer(), now=clock)) as x:
        x.fail_with("reset_after", "ok")  # the next two requests
        ...  # talk to x.url

It knows neither routes nor bodies; those are in api.py and faults.py.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.fake_x.api import Api, Reply, Request
from tests.fake_x.faults import FAULTS, JSON, PROBLEM, End, Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from tests.fake_x.state import World

OK = FAULTS["ok"]
POLL = 0.01  # seconds between two looks at whether to stop; tests stop many servers


class FakeX(ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for every request, so no socket outlives a test
    allow_reuse_address = True

    def __init__(
        self, world: World, *, port: int = 0, new_dialect: bool = False, say: Callable[[str], object] | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.world = world
        self.api = Api(world, new_dialect=new_dialect)
        self.requests: list[Request] = []
        self.broken: list[BaseException] = []  # errors of the fake itself; a test must find none
        self.stopping = threading.Event()
        self.hanging = threading.Event()  # set once a request hangs, after whatever it committed
        self._faults: deque[Fault] = deque()
        self._say = say or (lambda _: None)
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL,), name="fake-x")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fail_with(self, *faults: str | Fault) -> None:
        """What happens to the next requests, in order; after that all is well again."""
        self._faults.extend(FAULTS[fault] if isinstance(fault, str) else fault for fault in faults)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, ConnectionError | None):  # a caller that hung up is no error of ours
            self.broken.append(error)

    def take(self, request: Request) -> tuple[Fault, Reply | None]:
        """The fault of this request, and the true answer if the request gets as far as having one."""
        self.requests.append(request)
        fault = self._faults.popleft() if self._faults else OK
        is_real = fault.commits or (fault.status is None and fault.end is End.ANSWER)
        reply = self.api.answer(request) if is_real else None
        outcome = fault.status or (reply.status if reply else "-")
        self._say(f"{request.method} {request.target} {outcome} {fault.end.value}\n")
        return fault, reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeX

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is http.server's
        """Say nothing here: a log line per request is FakeX's."""

    def _handle(self) -> None:
        self.close_connection = True
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        base_url = f"http://{headers.get('host', '')}"
        fault, reply = self.server.take(Request(self.command, self.path, headers, body, base_url))
        match fault.end:
            case End.RESET:
                # Closing with a linger of no seconds sends RST in place of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case End.HANG:
                self.server.hanging.set()
                self.server.stopping.wait()
            case _:
                self._send(fault, reply or Reply(0, None))

    def _send(self, fault: Fault, reply: Reply) -> None:
        body = json.dumps(reply.body).encode() if fault.body is None else fault.body
        kind = (JSON if reply.status < 400 else PROBLEM) if fault.body is None else fault.kind
        headers: dict[str, str | None] = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Connection": "close",
            **reply.headers,
            **fault.headers,
        }
        self.send_response(fault.status or reply.status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault.end is End.CUT else body)
