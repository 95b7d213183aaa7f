"""Responses of X: pages of mentions, responses to any call, and bytes on a connection."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.commands.import_from_x import _Reading
from bot.config.settings import Budget
from bot.values import Draft, Slot
from bot.x import signin
from bot.x.payloads import is_id
from bot.x.wire import Reply, Wire
from tests.fake_x.faults import Fault
from tests.fakes import NOON
from tests.trials.fuzz import documents
from tests.trials.fuzz.kinds import rolled_back
from tests.trials.replying_bot import Parrot, ReplyingBot
from training.library.library import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NEXT = b"\n-----\n"  # between two responses
MINUTE = timedelta(minutes=1)


class Mentions:
    """A whole bot: an input is X's responses to its first requests; after them X works normally."""

    def __init__(self, folder: Path) -> None:
        self._bot = ReplyingBot(folder / "mentions.db", listen=True, posts_every=timedelta(minutes=30))
        self._bot.begins()
        self._begun = self._bot.clock.now()
        documents.crowd(self._bot)
        self._posts = dict(self._bot.world._posts)

    def seeds(self) -> Iterator[bytes]:
        page, timeline = documents.mentions(self._bot), documents.timeline(self._bot)
        lost = documents.answer(503, b"")
        yield page
        yield NEXT.join((lost, page, timeline))
        yield NEXT.join((timeline, lost, lost, timeline, page))
        renamed = page
        for old, new in (("edit_history_tweet_ids", "edit_history_post_ids"), ("note_tweet", "note_post"),
                         ("referenced_tweets", "referenced_posts")):  # fmt: skip
            renamed = renamed.replace(old.encode(), new.encode())
        yield renamed

    def take(self, data: bytes) -> None:
        bot = self._bot
        assert bot.direct
        bot.clock.is_set(self._begun)
        bot.world._posts = dict(self._posts)
        bot.voice = Parrot()
        bot.agenda, bot.replying = bot.born()
        bot.direct.requests.clear()
        bot.direct.faults = [Fault(status, body, headers) for status, headers, body in map(_parse, data.split(NEXT))]
        with rolled_back(bot.store):
            for _ in range(4):
                bot.beat()
                bot.clock.passes(10 * MINUTE)
            assert bot.store.damage() == []

    def close(self) -> None:
        self._bot.close()


class Answers:
    """One call, named in the first line, and the responses to it; an import sends requests until X has no more."""

    def __init__(self, folder: Path) -> None:
        self._bot = ReplyingBot(folder / "answers.db")
        self._bot.begins()
        documents.crowd(self._bot)
        self._wire: Any = Canned()
        self._bot.x._client._wire = self._wire
        self._library = Library.open(folder / "imported.db")
        self._calls: dict[str, Callable[[], object]] = {
            "post": self._post,
            "look": self._look_up,
            "me": self._bot.x.me,
            "delete": lambda: self._bot.x.delete("7"),
            "import": self._import,
            "renew": lambda: signin.renew(self._wire, CLIENT, "old", now=NOON),
            "code": lambda: signin.log_in(self._wire, CLIENT, AUTHORIZATION, "code", now=NOON),
            "pin": lambda: signin.ask_for_pin(self._wire, "key", "secret"),
            "keys": lambda: signin.keys_for(self._wire, "key", "secret", PIN, "1234567"),
        }

    def seeds(self) -> Iterator[bytes]:
        me = documents.response(self._bot, "GET", "/2/users/me", **{"user.fields": "description"})
        page = documents.answer(200, json.dumps(documents.PAGE).encode())
        good = {
            "post": documents.answer(201, b'{"data": {"id": "1500000000000000099", "text": "soup &amp; rain"}}'),
            "look": documents.timeline(self._bot),
            "me": me,
            "delete": documents.answer(200, b'{"data": {"deleted": true}}'),
            "import": NEXT.join((me, page, page.replace(b', "next_token": "b2"', b""))),
            "renew": documents.answer(200, GRANT),
            "code": documents.answer(200, GRANT),
            "pin": documents.answer(200, b"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true"),
            "keys": documents.answer(200, b"oauth_token=a&oauth_token_secret=b&user_id=7&screen_name=bird"),
        }
        for name, answers in good.items():
            yield name.encode() + b"\n" + answers
        for name in ("post", "look", "renew", "pin"):
            yield from (name.encode() + b"\n" + fault for fault in documents.faults())

    def take(self, data: bytes) -> None:
        name, _, answers = data.partition(b"\n")
        call = self._calls.get(name.decode("latin-1"), self._post)
        self._wire.answers = [_parse(each) for each in answers.split(NEXT)]
        self._wire.requests = 0
        with rolled_back(self._bot.store):
            call()
            assert self._bot.store.damage() == []

    def close(self) -> None:
        self._library.close()
        self._bot.close()

    def _post(self) -> None:
        post = self._approved()
        sent = self._bot.agenda._outbox.send(self._bot.store, post)
        assert sent.post.state != "posted" or is_id(sent.post.x_id)
        sent.detail.encode()

    def _look_up(self) -> None:
        store = self._bot.store
        post = self._approved()
        for state in ("sending", "unknown"):
            store.move(post.id, state, at=self._bot.clock.now())
        reconciler = self._bot.agenda._reconciler
        assert reconciler
        reconciler.look_up(store, "unknown")

    def _approved(self) -> Any:
        store, now = self._bot.store, self._bot.clock.now()
        number = store.add_draft(
            Draft("soup & rain"), slot=Slot("s", now), norm="soup & rain", length=11, dry=False, model="m", at=now
        )
        store.move(number, "approved", at=now)
        return store.post(number)

    def _import(self) -> None:
        with rolled_back(self._library):
            reading = _Reading(self._library, self._bot.x, "magpie", Budget())
            reading.all(100, NOON)
            reading.summary()
            self._library.authors()


CLIENT = signin.Client("client", "secret")
AUTHORIZATION = signin.AuthorizationRequest("https://x.com/", "http://127.0.0.1:8765/", "state", "verifier")
PIN = signin.Pin("https://x.com/", "token", "secret")
GRANT = (
    b'{"token_type": "bearer", "access_token": "a", "refresh_token": "r", "expires_in": 7200, '
    b'"scope": "tweet.read tweet.write users.read offline.access"}'
)


class Canned:
    """A wire with these responses, the last one again and again."""

    base_url = "https://api.x.com"

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests = 0

    def close(self) -> None:
        pass

    def ask(self, method: str, path: str, **_: Any) -> Reply:
        assert self.requests < 1_000, "endless requests"
        status, headers, body = self.answers[min(self.requests, len(self.answers) - 1)]
        self.requests += 1
        return Reply(status, headers, body.decode("utf-8", errors="replace"))


class Connection:
    """A server's response as bytes, over a real socket through the real wire."""

    def __init__(self, folder: Path) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._data = b""
        self._wire = Wire(f"http://127.0.0.1:{self._server.getsockname()[1]}", timeout=(10.0, 10.0))
        threading.Thread(target=self._serve, daemon=True).start()

    def seeds(self) -> Iterator[bytes]:
        body = json.dumps(documents.PAGE).encode()
        kind = b"Content-Type: application/json; charset=utf-8\r\n"
        yield b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (kind, len(body), body)
        yield b"HTTP/1.1 201 Created\r\n%sTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n" % kind
        yield b"HTTP/1.0 200 OK\r\nx-rate-limit-reset: 1795000000\r\n\r\n" + body
        packed = gzip.compress(body, mtime=0)
        yield b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed)
        yield b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n"
        yield b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\n\r\n"

    def take(self, data: bytes) -> None:
        self._data = data
        reply = self._wire.ask("GET", "/2/users/me", sign=lambda request: request, hide=("canary",))
        reply.text.encode()
        reply.parsed()

    def close(self) -> None:
        self._wire.close()
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._server.accept()
                with connection, suppress(OSError):
                    connection.recv(65_536)
                    connection.sendall(self._data)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65_536):
                        pass


def _parse(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by lower-case name, and body; anything else is a body."""
    head, _, body = answer.partition(b"\n\n")
    status, *lines = head.decode("latin-1").split("\n")
    if not (status.isascii() and status.isdecimal() and len(status) == 3):
        return 200, {}, answer
    pairs = (line.partition(": ") for line in lines)
    return int(status), {name.lower(): value for name, _, value in pairs}, body
