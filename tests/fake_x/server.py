"""The fake X on a loopback socket: a real HTTP server that can also fail in every way that a network can.

    with FakeX(World(newcomer(), now=clock)) as x:
        x.fail_with("reset_after", "ok")  # the next two requests
        ...  # talk to x.url

Routes and bodies are in api.py and faults.py.
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

from tests.fake_x import openapi
from tests.fake_x.api import Api
from tests.fake_x.faults import FAULTS, JSON, PROBLEM, End, Fault
from tests.fake_x.wire import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from tests.fake_x.state import World

OK = FAULTS["ok"]
POLL = 0.01  # seconds between two checks whether to stop; tests stop many servers


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
        """Queues faults for the next requests, in order; later requests succeed again."""
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
        if not isinstance(error, ConnectionError | None):  # a client that hung up is not our error
            self.broken.append(error)

    def _compare(self, request: Request, reply: Reply) -> None:
        """A successful request and its answer must agree with X's OpenAPI file."""
        if spec := openapi.spec():
            errors = [*spec.request_errors(request), *spec.reply_errors(request, reply)]
            self.broken += [AssertionError(f"{request.method} {request.target}: {error}") for error in errors]

    def take(self, request: Request) -> tuple[Fault, Reply | None]:
        """The fault of this request, and the regular answer if the request gets that far."""
        self.requests.append(request)
        fault = self._faults.popleft() if self._faults else OK
        reaches_x = fault.commits or (fault.status is None and fault.end is End.ANSWER)
        reply = self.api.answer(request) if reaches_x else None
        if reply and reply.status < 300 and not self.api.signin.handles(request):
            self._compare(request, reply)
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
        """Prints nothing: FakeX prints a line per request."""

    def _handle(self) -> None:
        self.close_connection = True
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        base_url = f"http://{headers.get('host', '')}"
        fault, reply = self.server.take(Request(self.command, self.path, headers, body, base_url))
        match fault.end:
            case End.RESET:
                # Closing with a linger of 0 seconds sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case End.HANG:
                self.server.hanging.set()
                self.server.stopping.wait()
            case End.ENDLESS | End.TRICKLE | End.TRICKLE_HEAD:
                self._send_without_end(fault)
            case _:
                error = {"title": "Forbidden", "detail": f"{headers.get('authorization')} {body.decode()}"}
                self._send(fault, Reply(403, error) if fault.echoes else reply or Reply(0, None))

    def _send_without_end(self, fault: Fault) -> None:
        """Until the client hangs up; a trickle is slow enough to cost nothing and fast enough for any timeout."""
        self.wfile.write(b"HTTP/1.1 201 Created\r\n")
        if fault.end is not End.TRICKLE_HEAD:
            self.wfile.write(b"Content-Type: application/json\r\n\r\n")
        pause = 0.0 if fault.end is End.ENDLESS else 0.05
        while not self.server.stopping.wait(pause):
            self.wfile.write(fault.body or b"")

    def _send(self, fault: Fault, reply: Reply) -> None:
        is_page = isinstance(reply.body, str)
        body = reply.body.encode() if is_page else json.dumps(reply.body).encode()
        kind = "text/html" if is_page else JSON if reply.status < 400 else PROBLEM
        if fault.body is not None:
            body, kind = fault.body, fault.kind
        headers: dict[str, str | None] = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Connection": "close",
            "Date": self.date_time_string(),
            **reply.headers,
            **fault.headers,
        }
        self.send_response_only(fault.status or reply.status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault.end is End.CUT else body)
