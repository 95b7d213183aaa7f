"""A bot that answers mentions: the real outbox, reconciler and store against a fake X, with a settable clock.

With a server `ReplyingBot` uses real HTTP; without one, the same gateway calls the routes of the fake X directly.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

import structlog

from bot.config.settings import Settings
from bot.history import ledger
from bot.history.store import Store
from bot.replies.eligibility import Eligibility
from bot.replies.opt_out import OptOut
from bot.replies.polling import MentionPoller, PollSettings, load
from bot.replies.replying import Replier, ReplySettings
from bot.replies.sensitive import Sensitivity
from bot.rounds.agenda import Agenda
from bot.rounds.posting import DraftSettings, Pipeline
from bot.rounds.slots import Every
from bot.running import assembly
from bot.screen import chain
from bot.sending.budget import Caps, Prices
from bot.sending.outbox import Outbox, ReplyBrakes
from bot.sending.reconcile import Reconciler
from bot.values import Draft
from bot.x.responses import no_answer
from bot.x.signing import Keys
from bot.x.twitter import X
from bot.x.wire import Reply
from tests.fake_x.api import Api
from tests.fake_x.faults import End
from tests.fake_x.state import User, World, newcomer
from tests.fake_x.wire import Request
from tests.fakes import NOON, FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence
    from pathlib import Path

    from bot.replies.limits import Limits
    from tests.fake_x.faults import Fault
    from tests.fake_x.server import FakeX

ME = newcomer()
KEYS = Keys(ME.secrets.consumer_key, ME.secrets.consumer_secret, ME.access_token, ME.secrets.token_secret)
BOT = f"@{ME.handle}"
PLENTY = Caps(10**12, 10**12)
LIMITS = assembly.limits(Settings())
WORDS = ("rain", "soup", "bell", "crumb", "clock", "train", "hat", "bench", "roof", "piano", "pigeon", "whistle")


def person(number: int, handle: str = "") -> User:
    """A user who mentions the bot; without keys, since no test logs in as them."""
    return User(str(10**9 + number), handle or f"person{number}", f"Person {number}", f"{number}-no-token", ME.secrets)


class Parrot:
    """A voice with other texts for each seed; a text is likelier for each word that it shares with the given text."""

    name = "parrot"
    person = None

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.given: list[str] = []
        self.asked: list[str] = []

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        self.asked.append(prompt)
        rng = random.Random(f"{prompt} {seed}")
        texts = self.texts or [f"{prompt} {' '.join(rng.choices(WORDS, k=8))}.".strip() for _ in range(n)]
        return [Draft(text, prompt, seed, likelihood=-1.0 - rank) for rank, text in enumerate(texts[:n])]

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:
        self.given.append(given)
        given_words = set(given.casefold().split())
        return [-3.0 + len(given_words & set(text.casefold().strip(".?!").split())) for text in texts]

    def copied(self, text: str) -> str:
        return ""


class Direct:
    """The wire without a socket: the same requests and responses, and faults by `fail_with`."""

    def __init__(self, world: World, *, new_dialect: bool = False) -> None:
        self.api = _Trusting(world, new_dialect=new_dialect)
        self.requests: list[Request] = []
        self.faults: list[Fault] = []

    def close(self) -> None:
        pass

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
        query = urlencode({name: value for name, value in (params or {}).items() if value is not None})
        request = Request(method, f"{path}?{query}" if query else path, {}, _body(json), "")
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else None
        commits = fault is not None and fault.commits and method == "POST"  # X bills no failed read
        answers = fault is None or commits or (fault.status is None and fault.end is End.ANSWER)
        answer = self.api.answer(request) if answers else None
        if fault and fault.end is not End.ANSWER:
            raise no_answer("a fault of the test", method=method, path=path, sent=True)
        if fault and fault.status is not None:
            return Reply(fault.status, {"x-rate-limit-reset": "0"}, (fault.body or b"").decode(errors="replace"))
        assert answer is not None
        return Reply(answer.status, answer.headers, _body(answer.body).decode())


class _Trusting(Api):
    """Every request is the bot's, without a signature."""

    def _user(self, request: Request) -> User:
        return self.world.users[ME.id]


def _body(value: Any) -> bytes:
    return json.dumps(value).encode()


class ReplyingBot:
    def __init__(
        self,
        path: Path,
        *people: User,
        server: FakeX | None = None,
        voice: Parrot | None = None,
        limits: Limits = LIMITS,
        opt_out: OptOut | None = None,
        sensitivity: Sensitivity | None = None,
        caps: Caps = PLENTY,
        share: float = 1.0,
        listen: bool = False,
        review_mode: bool = False,
        new_dialect: bool = False,
        every: timedelta = timedelta(minutes=5),
        posts_every: timedelta | None = None,
    ) -> None:
        self.path = path
        self.clock = FakeClock()
        self.server = server
        self.world = server.world if server else World(ME, *people, now=self.clock.now)
        self.world.users |= {user.id: user for user in people}
        if server:
            server.world.now = self.clock.now
        self.voice = voice or Parrot()
        self.opt_out = opt_out or OptOut()
        self.sensitivity = sensitivity or Sensitivity(assembly.mention_screen(Settings()))
        self.limits, self.caps, self.share = limits, caps, share
        self.listen, self.review_mode, self.every = listen, review_mode, every
        self.posts_every = posts_every
        self.known_bots = frozenset({"grok"})
        self.logged: Counter[str] = Counter()
        self.direct = None if server else Direct(self.world, new_dialect=new_dialect)
        self.x = self._gateway()
        self.store = Store.open(path)
        self.store._db.conn.execute("PRAGMA synchronous = OFF")  # a year has many commits
        self.agenda, self.replying = self.born()

    def _gateway(self) -> X:
        if self.server:
            return X(KEYS, now=self.clock.now, base_url=self.server.url)
        x = X(KEYS, now=self.clock.now)
        x._client._wire = self.direct
        return x

    def close(self) -> None:
        self.store.close()
        self.x.close()

    def born(self, kind: type[Store] | None = None) -> tuple[Agenda, Replier]:
        """A new process, with nothing in memory. `kind` is a store class that may kill it."""

        def open_store() -> Any:
            return kind.open(self.path) if kind else nullcontext(self.store)  # opening takes longest

        log = structlog.wrap_logger(None, processors=[self._note])

        def price(text: str) -> int:
            return Prices().of_reply(has_link=False)

        outbox = Outbox(
            self.x,
            replace(assembly.NO_BRAKES, caps=self.caps),
            self.clock,
            dry=False,
            price=lambda _: Prices().post,
            reply_brakes=ReplyBrakes(self.limits.why_never, self.caps.share(self.share), price),
        )
        draft_settings = DraftSettings(("",), candidates=3, tries=2)
        pipeline = Pipeline(self.voice, self.screen, outbox, draft_settings, self.clock)
        eligibility = Eligibility(self.opt_out, self.known_bots, self.sensitivity)
        polls = PollSettings(ME.handle, self.every, self.listen, eligibility, Prices())
        replying = Replier(
            pipeline,
            MentionPoller(self.x, outbox, polls, clock=self.clock, log=log),
            ReplySettings(self.limits, self.listen, self.review_mode),
            open_store=open_store,
            log=log,
        )
        agenda = Agenda(
            pipeline,
            Every(self.posts_every or timedelta(days=365 * 20)),
            open_store=open_store,
            reconciler=Reconciler(self.x, self.caps, self.clock, prices=Prices(), log=log),
            replier=replying,
        )
        if kind is None:
            agenda.begin()
        return agenda, replying

    def screen(self, store: Store) -> chain.Screen:
        return chain.build(was_posted=lambda norm: store.said(norm, dry=False), copy_of=self.voice.copied)

    def _note(self, _: object, __: str, event: MutableMapping[str, Any]) -> NoReturn:
        self.logged[event["event"]] += 1
        raise structlog.DropEvent

    # Events

    def beat(self) -> None:
        self.agenda.turn()
        self.agenda.answer()

    def lives(self, span: timedelta, *, beat: timedelta = timedelta(minutes=1)) -> None:
        end = self.clock.now() + span
        while self.clock.now() < end:
            self.beat()
            self.clock.passes(min(beat, end - self.clock.now()))
        self.beat()

    def begins(self) -> None:
        """Replies are turned on: the first poll sets the watermark."""
        self.beat()
        self.clock.passes(timedelta(minutes=10))

    def says(self, who: User, text: str, **more: Any) -> str:
        return self.world.create(who, text, **more).id

    def fail_with(self, *faults: Fault) -> None:
        if self.direct:
            self.direct.faults += faults
        elif self.server:
            self.server.fail_with(*faults)

    # Results

    def answers(self) -> list[tuple[str | None, str]]:
        """(the mention, the text) of what is on X, the oldest first."""
        return [(post.reply_to, post.text) for post in reversed(self.world.posts_of(ME.id)) if post.reply_to]

    def answered(self) -> list[str | None]:
        return [mention for mention, _ in self.answers()]

    def verdicts(self) -> dict[str, str | None]:
        return {row["id"]: row["verdict"] for row in self.store.rows("SELECT id, verdict FROM mention")}

    def states(self) -> list[str]:
        return [post.state for post in reversed(self.store.history(limit=1000)) if post.kind == "reply"]

    def spent(self) -> int:
        return ledger.spent_since(self.store, NOON - timedelta(days=1), dry=False)

    def watermark(self) -> str | None:
        return load(self.store).since
