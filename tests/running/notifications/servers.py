"""Real servers for notifications: an HTTP one that speaks ntfy's API, and an SMTP one."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


class Ntfy:
    """Publishes JSON as ntfy does: https://docs.ntfy.sh/publish/#publish-as-json."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.icons: list[str | None] = []
        self.answers: list[int] = []  # statuses to answer with before it takes messages again
        self.asked = threading.Event()
        self.gate = threading.Event()  # cleared: no request is answered
        self.gate.set()
        server = self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        self.url = f"ntfy://127.0.0.1:{server.server_port}/topic-canary"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ntfy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                ntfy.asked.set()
                ntfy.gate.wait(30)
                status = ntfy.answers.pop(0) if ntfy.answers else 200
                if status == 200:
                    ntfy.messages.append(body)
                    ntfy.icons.append(self.headers.get("X-Icon"))
                answer = json.dumps({"id": "x"} if status == 200 else {"code": status * 100 + 1, "error": "no"})
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def ntfy_server() -> Iterator[Ntfy]:
    ntfy = Ntfy()
    try:
        yield ntfy
    finally:
        ntfy.close()


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.url = ""

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


class _AnyPort(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # else it would ask itself at port 0
        super()._trigger_server()


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    controller = _AnyPort(mailbox, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        mailbox.url = f"mailto://127.0.0.1:{controller.port}?from=bot@example.org&to=me@example.org&mode=insecure"
        yield mailbox
    finally:
        controller.stop()
