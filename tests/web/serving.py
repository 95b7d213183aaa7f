"""The real server of the page in a thread, and a client that sends exactly the headers that a test gives it."""

from __future__ import annotations

import threading
from argparse import Namespace
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from bot.clock import SystemClock
from bot.listening import listen
from bot.web import server
from bot.web.app import application
from bot.web.command import SOCKET_MODE
from bot.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bot.web.learning.jobs import Jobs


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    text: str


class Client:
    """A browser's requests, without a browser: with a session, from the page itself."""

    def __init__(self, port: int, site: Site, jobs: Jobs) -> None:
        self.port = port
        self.site = site
        self.jobs = jobs
        self.host = f"127.0.0.1:{port}"
        self.origin = f"http://{self.host}"
        self.token = site.access.new_token()
        self.cookie = f"{site.cookie}={site.access.sign_in(self.token)}"

    def get(self, path: str, headers: Mapping[str, str | None] | None = None) -> Answer:
        return self.ask("GET", path, {"Cookie": self.cookie} | dict(headers or {}))

    def post(
        self, path: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        own = {
            "Cookie": self.cookie,
            "Origin": self.origin,
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self.ask("POST", path, own | dict(headers or {}), urlencode(form or {}))

    def upload(
        self,
        path: str,
        name: str,
        content: bytes,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """A form with a file, as a browser sends it."""
        own = {
            "Cookie": self.cookie,
            "Origin": self.origin,
            "Content-Type": "multipart/form-data; boundary=edge",
        }
        parts = [
            f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in (form or {}).items()
        ]
        head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = "".join([*parts, head]).encode() + content + b"\r\n--edge--\r\n"
        return self.ask("POST", path, own | dict(headers or {}), body)

    def ask(self, method: str, path: str, headers: Mapping[str, str | None], body: str | bytes = "") -> Answer:
        """A header that is None is left out."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)  # a busy machine is no fault
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in ({"Host": self.host, "Content-Length": str(len(body))} | dict(headers)).items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body if isinstance(body, bytes) else body.encode())
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def follow(self, answer: Answer) -> Answer:
        """The page that a form leads to."""
        assert answer.status == 303, answer
        return self.get(answer.headers["location"])


def _answer(response: HTTPResponse) -> Answer:
    return Answer(
        response.status, {name.lower(): value for name, value in response.getheaders()}, response.read().decode()
    )


@contextmanager
def serving(
    state: Path, *, config: Path | None = None, hosts: Sequence[str] = (), address: Path | None = None
) -> Iterator[Client]:
    """`address`: a Unix socket, which the client does not use."""
    listening = listen(address or ("127.0.0.1", 0), "web.listen", mode=SOCKET_MODE)
    port = 0 if address else listening.getsockname()[1]
    site = Site(Namespace(config=config, state=str(state)), SystemClock(), cookie=f"mynah_{port}")
    app = application(site, hosts=hosts)
    running = server.server(app)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Client(port, site, app._app.state.jobs)
    finally:
        running.should_exit = True
        thread.join()
        site.close()
        listening.close()
