"""What every request passes before a page sees it: its host, its origin, its session, its size and its pace.

A page on loopback is not safe by itself: a web site that the operator visits may send forms to it, frame it, or reach
it under a name of its own (DNS rebinding). docs/security.md explains each rule.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bot.web.site import Site

SMALL, LARGE = 64_000, 2_000_000_000  # bytes of a form, and of an upload
PAUSE = 15.0  # seconds between two pieces of a request or an answer
FORM_SECONDS = 20.0  # for a whole form
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # `no-referrer` would take the Origin from our own forms too
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
OPEN_PATHS = ("/static/", "/signin")  # without a session
# A link from another site (a notification, a chat) comes without the cookie, which is SameSite=Strict. This page opens
# the same address again, now as a link of our own.
AGAIN = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0">
<title>mynah</title><p><a href="">Continue</a></p></html>"""


class Guard:
    def __init__(self, app: ASGIApp, site: Site, *, hosts: Collection[str] = (), uploads: Collection[str] = ()) -> None:
        """`hosts`: names under which a reverse proxy serves the page. `uploads`: paths of long forms."""
        self._app = app
        self._site = site
        self._hosts = {host.lower() for host in hosts}
        self._uploads = frozenset(uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _Sender(send, cacheable=scope["path"].startswith("/static/"))
        if refusal := self._refusal(scope) or await self._sign_in_first(scope):
            await refusal(scope, receive, send)
            return
        is_upload = scope["path"] in self._uploads
        reader = _Reader(receive, LARGE if is_upload else SMALL, None if is_upload else FORM_SECONDS)
        await self._app(scope, reader, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0], scope):
            return PlainTextResponse(
                "This address is not known: use 127.0.0.1, or add the name to web.hosts in the configuration.\n", 421
            )
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            return PlainTextResponse("Only GET and POST.\n", 405, {"allow": "GET, HEAD, POST"})
        if scope["method"] == "POST" and not _is_same_origin(headers, hosts[0]):
            return PlainTextResponse("This form comes from another site.\n", 403)
        return None

    def _is_ours(self, host: str, scope: Scope) -> bool:
        """Whether no other web site can have led a browser here under this name.

        A number is safe, because only names are looked up, but it must be the one that was connected to.
        """
        name = _name(host)
        server = scope.get("server")
        if name in self._hosts:
            return True
        if server is None or server[1] is None:  # a Unix socket: the proxy in front of it has a name
            return False
        own = _number(server[0])
        if name == "localhost":
            return own is not None and own.is_loopback
        return own is not None and _number(name) == own

    async def _sign_in_first(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        cookie = cookie_parser(headers.get("cookie", "")).get(self._site.cookie, "")
        key = await asyncio.to_thread(self._site.access.session, cookie) if cookie else None
        scope.setdefault("state", {})
        scope["state"]["session"] = key or self._trusted_user(scope, headers)
        path = scope["path"]
        if scope["state"]["session"] or path.startswith(OPEN_PATHS):
            return None
        if headers.get("hx-request"):
            return Response(status_code=401, headers={"hx-redirect": "/signin"})
        if scope["method"] == "POST":
            return PlainTextResponse("Your session has ended. Sign in again, then send this once more.\n", 401)
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-dest") == "document":
            return Response(AGAIN, media_type="text/html")
        query = scope["query_string"].decode("latin-1")
        there = path + (f"?{query}" if query else "")
        return RedirectResponse(f"/signin?next={quote(there, safe='/')}" if there != "/" else "/signin", 303)

    def _trusted_user(self, scope: Scope, headers: Headers) -> str | None:
        """The user whom the proxy names, if it is one of web.users.

        Only through a Unix socket: on loopback any process of this machine could send the header.
        """
        server = scope.get("server")
        if not self._site.user_header or server is None or server[1] is not None:
            return None
        users = headers.getlist(self._site.user_header)
        return f"user {users[0]}" if len(users) == 1 and users[0] in self._site.users else None


def _number(text: str) -> IPv4Address | IPv6Address | None:
    """An address, if it is one; a socket for both versions of IP has IPv4's in the form of IPv6."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _name(host: str) -> str:
    """The name or number of a Host header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_same_origin(headers: Headers, host: str) -> bool:
    """Browsers send at least one of the two headers with a form, and no page can change either."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return False
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return True
    parts = urlsplit(origin)
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


class _Reader:
    """Receives a request whose size and time are limited."""

    def __init__(self, receive: Receive, most: int, seconds: float | None) -> None:
        self._receive = receive
        self._left = most
        self._deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        self._has_ended = False

    async def __call__(self) -> Message:
        if self._has_ended:  # then this waits for the client to go away, which may take as long as the answer
            return await self._receive()
        now = asyncio.get_running_loop().time()
        pause = PAUSE if self._deadline is None else min(PAUSE, self._deadline - now)
        try:
            message = await asyncio.wait_for(self._receive(), max(pause, 0))
        except TimeoutError:
            raise HTTPException(408, "This took too long to arrive.", {"connection": "close"}) from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, "This is too large.", {"connection": "close"})
        self._has_ended = message["type"] == "http.request" and not message.get("more_body", False)
        return message


class _Sender:
    """Sends an answer with our headers, to a client that must take it in time."""

    def __init__(self, send: Send, *, cacheable: bool) -> None:
        self._send = send
        self._cacheable = cacheable

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("cache-control", "max-age=3600" if self._cacheable else "no-store")
        await asyncio.wait_for(self._send(message), PAUSE)
