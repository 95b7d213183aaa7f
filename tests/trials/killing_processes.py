"""One run of the command `mynah` in a forked child, as the kill tests start and end it.

Only two things are replaced: the model, which takes seconds to load and is not under test, and the clock. The scheduler
keeps real time, because it sleeps by it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import bot
from bot import cli, clock
from bot.errors import XError
from bot.history import review, store
from bot.replies import limits, polling
from bot.running import app as life
from bot.running import assembly, daemon
from bot.sending import outbox
from bot.values import Draft
from bot.voice import model_voice
from bot.x.signing import Keys
from bot.x.twitter import X
from tests.fake_x.state import newcomer
from tests.trials.killing_x import CALM, HANGS, FastClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

ROOT = Path(__file__).parents[2]
TRACED = {str(ROOT / "bot" / f"{name}.py"): f"bot/{name}" for name in (
    "rounds/agenda", "rounds/posting", "sending/outbox", "history/review", "history/refusals", "history/store",
    "commands/post", "commands/review", "history/mentions", "history/blocks", "replies/polling", "replies/replying",
)}  # fmt: skip
TRACED[str(ROOT / "training" / "sqlite_file.py")] = "training/sqlite_file"
# Of these two what writes; each commit is a point of its own.
WRITING = {
    "bot/history/store": {"add_draft", "move", "close_slot", "keep_meta"},
    "training/sqlite_file": {"atomic"},
}
PATIENCE = 30.0  # seconds: nothing lasts so long
NOUNS = ("rain", "soup", "bell", "crumb", "clock", "train", "hat", "bench", "roof", "piano", "pigeon", "whistle",
         "ladder", "button", "lamp", "river", "letter", "kettle", "window", "pocket", "candle", "garden")  # fmt: skip
VERBS = ("hums", "waits", "sings", "sleeps", "wonders", "turns", "leans", "listens", "dances", "forgets", "rests")

BEAT = ["run", "--live", "--every", "300d", "--mode", "auto"]  # a life of one heartbeat, in which no slot is due
SystemClock = clock.SystemClock

POINTS = "points.json"  # where a traced life that came to its end has left them

Point = tuple[str, int, int]  # file and function, line, and the how manieth time it is run


def sentence(chance: random.Random) -> str:
    one, two, three, four, five, six = chance.sample(NOUNS, 6)
    first, then, last = chance.sample(VERBS, 3)
    return f"{one} {first} by the {two}, the {three} {then} by the {four}, and the {five} {last} by the {six}."


class Voice:
    """Says the same for the same seed, as a model does; what it says where a person is asked begins with Perhaps."""

    name = "words"
    engine = "words"
    person = None

    def __init__(self, *, review_mode: bool) -> None:
        self._first = "Perhaps the" if review_mode else "The"

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        chance = random.Random(seed)
        return [Draft(f"{self._first} {sentence(chance)}", prompt, seed) for _ in range(n)]

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:
        return [-1.0 for _ in texts]

    def copied(self, _: str) -> str:
        return ""

    def foreign(self, _: str) -> str:
        return ""


class Awake(daemon.Daemon):
    """Woken by the real clock, as APScheduler is: by the fast one the first heartbeat would be due in days."""

    def __init__(self, *parts: Any, clock: clock.Clock, **more: Any) -> None:
        super().__init__(*parts, clock=SystemClock(), **more)


class Once(Awake):
    """A life that ends by itself after its first heartbeat."""

    def run(self) -> bool:
        self._beat()
        return True


class Trace:
    """Where a life is, line by line, from the first of its steps on that a kill could undo; at its point, it ends."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self._passed: Counter[tuple[str, int]] = Counter()
        self.points: list[Point] = []

    def listen(self) -> None:
        """Begin where something is written down or sent: what a life does before costs time, and nothing is lost."""
        for place, name in ((store.Store, "add_draft"), (outbox.Outbox, "send"), (review, "approve"),
                            (review, "reject"), (review, "edit"), (polling.MentionPoller, "read")):  # fmt: skip
            setattr(place, name, self._begun_by(getattr(place, name)))

    def _begun_by(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def first(*args: object, **more: object) -> object:
            if sys.gettrace() is None:
                frame = sys._getframe(1)
                while frame:  # those who wait for this step go on line by line too
                    frame.f_trace = self._enter(frame, "", None)
                    frame = frame.f_back
                sys.settrace(self._enter)
            return step(*args, **more)

        return first

    def _enter(self, frame: FrameType, _: str, __: object) -> Callable[..., Any] | None:
        code = frame.f_code
        name = TRACED.get(code.co_filename)
        if name is None or code.co_name not in WRITING.get(name, {code.co_name}):
            return None
        return self._line

    def _line(self, frame: FrameType, event: str, _: object) -> Callable[..., Any]:
        if event == "line":
            where = (f"{TRACED[frame.f_code.co_filename]}.py, {frame.f_code.co_name}", frame.f_lineno)
            self._passed[where] += 1
            if self._passed[where] == 1 or frame.f_code.co_name == "atomic":
                self.points.append((*where, self._passed[where]))
            if self._point == (*where, self._passed[where]):
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line


class Life(NamedTuple):
    pid: int
    said: Path  # its stdout and stderr


class Ended(NamedTuple):
    killed: bool
    late: bool  # it lasted too long, and was killed from outside
    code: int
    said: str


def warm_up() -> None:
    """What a command imports when it needs it, imported once for all lives."""
    for module in pkgutil.walk_packages(bot.__path__, "bot."):
        if module.name != "bot.__main__":
            importlib.import_module(module.name)
    gc.freeze()  # a child that collects would copy every page of it


def begin(folder: Path, words: Sequence[str], *, name: str = "life", point: Point | None = None) -> Life:
    """`mynah WORDS`, as a process of its own; with a point, every line of it is looked at."""

    def command() -> int:
        clock.SystemClock = FastClock  # type: ignore[assignment,misc]
        limits.Limits.is_stale = lambda *_: False  # type: ignore[method-assign]  # a day is over in four seconds
        daemon.Daemon = Once if words == BEAT else Awake  # type: ignore[misc]
        polling.PAGES = (polling.FIRST,)  # a page is a turn: so a handful of calls is several
        assembly.voice = lambda *_, **__: Voice(review_mode="review" in words)  # type: ignore[assignment]
        model_voice.promoted = life.promoted = lambda _: Path("words")
        model_voice.ModelMemory.open = lambda _: model_voice.ModelMemory()  # type: ignore[assignment,method-assign]
        if trace:
            trace.listen()
        return cli.main(["--state", str(folder / "state"), *words])

    trace = Trace(point) if point else None
    return _forked(command, folder / f"{name}.out", trace)


def begin_naively(folder: Path, url: str, number: int) -> Life:
    """What most bots do: send; where that failed, send again; then remember. A restart says what is not remembered."""

    def post() -> int:
        with X(_keys(), now=FastClock().now, base_url=url, timeout=(1.0, 1.0), within=1.0) as x:
            for _ in range(3):
                with suppress(XError):
                    x.post(f"post number {number}")
                    break
        with (folder / "said.txt").open("a") as out:
            out.write(f"{number}\n")
        return 0

    return _forked(post, folder / "naive.out")


def end(life: Life, *, after: float = PATIENCE) -> Ended:
    """Wait for it, and kill it when its time is up or X leaves it without an answer."""
    late, hangs, calm = time.monotonic() + after, life.said.with_name(HANGS), life.said.with_name(CALM)
    while time.monotonic() < late and (calm.exists() or not hangs.exists()):
        pid, status = os.waitpid(life.pid, os.WNOHANG)
        if pid:
            return _ended(life, status, late=False)
        time.sleep(0.001)
    os.kill(life.pid, signal.SIGKILL)
    status = os.waitpid(life.pid, 0)[1]
    hangs.unlink(missing_ok=True)
    return _ended(life, status, late=True)


def has_ended(life: Life) -> bool:
    return os.waitid(os.P_PID, life.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def environment(url: str) -> dict[str, str]:
    """A configuration for lives that last for years of the fast clock: no brake of money or time holds them up."""
    keys = newcomer()
    wanted = {
        "x__base_url": url,
        "x__consumer_key": keys.secrets.consumer_key,
        "x__consumer_secret": keys.secrets.consumer_secret,
        "x__access_token": keys.access_token,
        "x__access_token_secret": keys.secrets.token_secret,
        "posting__min_gap": "0s",
        "posting__max_per_hour": "1000000",
        "posting__max_per_day": "1000000",
        "budget__per_day": "100000",
        "budget__per_month": "100000",
        "schedule__grace": "365d",
        "review__expires": "365d",
        "review__most": "1000",
        "replies__enabled": "true",
        "replies__approved_by_x": "true",
        "replies__poll": "15s",
        "replies__max_age": "1d",
        "replies__per_day": "1000000",
        "replies__per_user_per_day": "1000000",
        "log__format": "json",
    }
    return {f"MYNAH_{name.upper()}": value for name, value in wanted.items()} | {"XDG_CONFIG_HOME": "/nonexistent"}


def _keys() -> Keys:
    user = newcomer()
    return Keys(user.secrets.consumer_key, user.secrets.consumer_secret, user.access_token, user.secrets.token_secret)


def _forked(command: Callable[[], int], said: Path, trace: Trace | None = None) -> Life:
    said.with_name(HANGS).unlink(missing_ok=True)  # an earlier one's
    child = os.fork()
    if child == 0:
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        _live(command, said.with_name(POINTS), trace)
    return Life(child, said)


def _live(command: Callable[[], int], points: Path, trace: Trace | None) -> NoReturn:
    """Out of the child, whatever happens: what stands above it in the stack belongs to its parent."""
    code = 70
    try:
        code = command()
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        sys.settrace(None)
        if trace:
            points.write_text(json.dumps(trace.points), encoding="utf-8")
        if error := sys.exception():
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(code)


def _ended(life: Life, status: int, *, late: bool) -> Ended:
    said = life.said.read_text(encoding="utf-8", errors="replace") if life.said.exists() else ""
    return Ended(os.WIFSIGNALED(status), late, os.waitstatus_to_exitcode(status), said)
