"""Sends one request to X and returns the answer. It limits where keys may go, how long we wait and how much we read.

No retries, no redirects, no settings from the environment. The only file that imports requests; each of its errors
becomes one of ours. twitter.py has the routes, responses.py the meaning of an answer.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import zlib
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from bot.errors import ConfigError
from bot.x.responses import no_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HOSTS = ("api.x.com", "api.twitter.com")
AGENT = "mynah"
# Seconds to connect, just over the 3 s after which a lost first packet is resent, and to wait for the next bytes.
TIMEOUT = (3.05, 30.0)
WITHIN = 40.0  # seconds for the whole answer, however slowly it comes; the last round of a stopping bot has 50
MOST = (
    16_000_000  # bytes of an answer, decompressed; a hundred of the longest posts, every letter escaped, are 15 million
)
BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    def parsed(self) -> Any:
        """The body as JSON; None if it is not JSON."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


class Wire:
    """The connection to one server, and to no other."""

    def __init__(self, base_url: str, *, timeout: tuple[float, float] = TIMEOUT, within: float = WITHIN) -> None:
        self.base_url = check_base_url(base_url)
        self._timeout = timeout
        self._within = within
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, netrc or certificates from the environment
        # The only mount: requests refuses every other address, wherever it comes from.
        self._session.adapters.clear()
        self._session.mount(f"{self.base_url}/", _Adapter(max_retries=0))

    def close(self) -> None:
        self._session.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        sign: Callable[[Any], Any],
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        hide: Sequence[str] = (),
    ) -> Reply:
        """`sign` authenticates the prepared request; the secrets in `hide` are removed from the text of the reply."""
        too_late = f"not all of it came within {self._within:g} s"
        with _cut_after(self._within) as is_cut:
            try:
                response = self._session.request(
                    method,
                    self.base_url + path,
                    params=params,
                    json=json,
                    data=form,
                    # A kept-alive connection may be dead: the next POST on it would fail, and count as unknown.
                    headers={"User-Agent": AGENT, "Connection": "close", "Accept-Encoding": "identity"},
                    auth=sign,
                    timeout=self._timeout,
                    allow_redirects=False,  # requests would resend the body for 307 and 308
                    stream=True,
                )
                with response:
                    content = _body(response)
            except Exception as error:  # includes bugs in libraries, after which the answer may be lost as well
                why = too_late if is_cut() else _root(error)
                raise no_answer(why, method=method, path=path, sent=not _never_left(error)) from error
            if is_cut():  # without a length, a body that was cut off looks complete
                raise no_answer(too_late, method=method, path=path, sent=True)
        text = content.decode("utf-8", errors="replace")
        for secret in hide:  # an answer that echoes our request must not bring the keys into a message
            text = text.replace(secret, "[secret]").replace(quote(secret, safe=""), "[secret]")
        return Reply(response.status_code, {name.lower(): value for name, value in response.headers.items()}, text)


def check_base_url(base_url: str) -> str:
    """The address without its last slash, if our keys may go there: X over TLS, or a loopback address for tests."""
    try:
        url = urlsplit(base_url)
        is_x = url.scheme == "https" and url.netloc in HOSTS
        is_local = url.scheme in ("http", "https") and _is_loopback(url.hostname or "") and url.port != 0
        is_bare = "@" not in url.netloc and base_url.rstrip("/") == f"{url.scheme}://{url.netloc}"
    except ValueError:  # a port that is not a number, half an IPv6 address
        is_x = is_local = is_bare = False
    if not (is_bare and (is_x or is_local)):
        shown = base_url.rpartition("@")[2][:100]  # before an @ may be a password
        raise ConfigError(
            f"x.base_url: {shown!r} is not allowed: use https://api.x.com or, to try things out, http://127.0.0.1:PORT"
        )
    return base_url.rstrip("/")


class TooMuch(OSError):
    """The answer is too large."""


def _body(response: requests.Response) -> bytes:
    """The body, at most MOST bytes, decompressed if the server compressed it unasked."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    decoder = zlib.decompressobj(wbits=47) if encoding in {"gzip", "deflate"} else None  # 47: either of the two
    body = bytearray()
    for block in response.raw.stream(BLOCK, decode_content=False):
        body += decoder.decompress(block, MOST + 1 - len(body)) if decoder else block
        if len(body) > MOST:
            raise TooMuch(0, f"the answer is larger than {MOST:,} bytes")
    return bytes(body)


_opened: ContextVar[list[socket.socket]] = ContextVar("opened")  # the sockets of the current request


@contextmanager
def _cut_after(seconds: float) -> Iterator[Callable[[], bool]]:
    """A socket's timeout bounds one wait only: a server that sends a byte each second could hold us for ever."""
    sockets: list[socket.socket] = []
    cut = threading.Event()

    def end() -> None:
        cut.set()
        for each in sockets:
            with suppress(OSError):  # already closed
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # TLS's own shutdown would interfere with the reader

    timer = threading.Timer(seconds, end)
    timer.daemon = True  # else a process that exits would wait for it
    before = _opened.set(sockets)
    timer.start()
    try:
        yield cut.is_set
    finally:
        timer.cancel()
        timer.join()
        _opened.reset(before)


class _Http(urllib3.connection.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _opened.get().append(self.sock)


class _Https(urllib3.connection.HTTPSConnection):
    """Distinguishes a failed TLS handshake from a broken answer: urllib3 raises the same error for both."""

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise NewConnectionError(self, type(error).__name__) from error
        _opened.get().append(self.sock)


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _never_left(error: BaseException) -> bool:
    """Whether no byte of the request can have been sent: no such host, refused, no TLS, no connection in time."""
    inner = error.args[0] if error.args else None
    chain = (error, inner, getattr(inner, "reason", None))  # requests wraps urllib3's MaxRetryError, which has a reason
    return any(isinstance(each, (NewConnectionError, ConnectTimeoutError, requests.ConnectTimeout)) for each in chain)


def _root(error: BaseException) -> str:
    """The class of the first cause, with the system's message; the messages of libraries may quote our headers."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    words = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
