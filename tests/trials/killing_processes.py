"""One run of the command `mynah` in a forked child, as the kill trial starts and ends it.

Only the model, which takes seconds to load and is not under test, and the clock are replaced. The scheduler keeps real
time, because it sleeps by it.
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
from bot.fleet import voices
from bot.history import review, store
from bot.replies import limits, polling
from bot.running import app, assembly, daemon
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
# Of these two only the writing functions; each commit is a point of its own.
WRITING = {
    "bot/history/store": {"add_draft", "move", "close_slot", "keep_meta"},
    "training/sqlite_file": {"atomic"},
}
PATIENCE = 30.0  # seconds; no command takes as long
NOUNS = ("rain", "soup", "bell", "crumb", "clock", "train", "hat", "bench", "roof", "piano", "pigeon", "whistle",
         "ladder", "button", "lamp", "river", "letter", "kettle", "window", "pocket", "candle", "garden")  # fmt: skip
VERBS = ("hums", "waits", "sings", "sleeps", "wonders", "turns", "leans", "listens", "dances", "forgets", "rests")

BEAT = ["run", "--live", "--every", "300d", "--mode", "auto"]  # one heartbeat, in which no slot is due
SystemClock = clock.SystemClock

POINTS = "points.json"  # written by a traced process that ended by itself

Point = tuple[str, int, int]  # file and function, line, and the nth time that it runs


def sentence(chance: random.Random) -> str:
    one, two, three, four, five, six = chance.sample(NOUNS, 6)
    first, then, last = chance.sample(VERBS, 3)
    return f"{one} {first} by the {two}, the {three} {then} by the {four}, and the {five} {last} by the {six}."


class Voice:
    """The same text for the same seed, as a model; in review mode its texts begin with Perhaps."""

    name = "words"
    engine = "words"
    person = None

    def __init__(self, *, review_mode: bool = False, says: str = "") -> None:
        self._first = "Perhaps the" if review_mode else f"In {says} the" if says else "The"

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:
        chance = random.Random(seed)
        return [Draft(f"{self._first} {sentence(chance)}", prompt, seed) for _ in range(n)]

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:
        return [-1.0 for _ in texts]

    def why_changed(self) -> str:
        return ""

    def copied(self, _: str) -> str:
        return ""

    languages: tuple[str, ...] = ()

    def foreign(self, _: str) -> str:
        return ""


class RealTimeDaemon(daemon.Daemon):
    """Uses the real clock, as APScheduler does: by the fast one the first heartbeat would be due in days."""

    def __init__(self, *parts: Any, clock: clock.Clock, **more: Any) -> None:
        super().__init__(*parts, clock=SystemClock(), **more)


class OneBeatDaemon(RealTimeDaemon):
    """Ends by itself after its first heartbeat."""

    def run(self) -> bool:
        self._beat()
        return True


class Trace:
    """Traces the lines of a process from the first step that a kill could undo; kills it at the point."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self._passed: Counter[tuple[str, int]] = Counter()
        self.points: list[Point] = []

    def listen(self) -> None:
        """Trace from the first write or request on: before it nothing can be lost, and tracing is slow."""
        for owner, name in ((store.Store, "add_draft"), (outbox.Outbox, "send"), (review, "approve"),
                            (review, "reject"), (review, "edit"), (polling.MentionPoller, "read")):  # fmt: skip
            setattr(owner, name, self._starting_at(getattr(owner, name)))

    def _starting_at(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def first(*args: object, **more: object) -> object:
            if sys.gettrace() is None:
                frame = sys._getframe(1)
                while frame:  # the callers of this step are traced too
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


class Process(NamedTuple):
    pid: int
    output: Path  # its stdout and stderr


class Result(NamedTuple):
    killed: bool
    late: bool  # killed from outside because it took too long
    code: int
    output: str


def warm_up() -> None:
    """Import once what a command would import when it needs it."""
    for module in pkgutil.walk_packages(bot.__path__, "bot."):
        if module.name != "bot.__main__":
            importlib.import_module(module.name)
    gc.freeze()  # garbage collection in a child would copy every page


def begin(
    folder: Path, words: Sequence[str], *, name: str = "process", point: Point | None = None, home: Path | None = None
) -> Process:
    """Run `mynah WORDS` in a child process; with a point, its lines are traced. `home`: of one bot of a fleet."""

    def command() -> int:
        clock.SystemClock = FastClock  # type: ignore[assignment,misc]
        limits.Limits.is_stale = lambda *_: False  # type: ignore[method-assign]  # a day takes four seconds
        daemon.Daemon = OneBeatDaemon if words == BEAT else RealTimeDaemon  # type: ignore[misc]
        polling.PAGES = (polling.FIRST,)  # one page per turn, so that a few mentions take several turns
        assembly.voice = lambda *_, **__: Voice(review_mode="review" in words)  # type: ignore[assignment]
        model_voice.promoted = app.promoted = lambda _: Path("words")
        model_voice.ModelMemory.open = lambda _: model_voice.ModelMemory()  # type: ignore[assignment,method-assign]
        if trace:
            trace.listen()
        return cli.main([*(("--home", str(home)) if home else ("--state", str(folder / "state"))), *words])

    trace = Trace(point) if point else None
    return _fork(command, folder / f"{name}.out", trace)


def begin_fleet(folder: Path, bots: Path) -> Process:
    """`mynah run --bots` in a child process; the texts of each bot begin with its own name."""

    def command() -> int:
        clock.SystemClock = FastClock  # type: ignore[assignment,misc]
        daemon.Daemon = RealTimeDaemon  # type: ignore[misc]
        voices.SharedVoices.open = lambda _, folder, settings: Voice(says=settings.bot)  # type: ignore[method-assign,assignment,return-value]
        voices.SharedVoices.missing_base = lambda *_: ""  # type: ignore[method-assign]
        model_voice.promoted = app.promoted = lambda _: Path("words")
        model_voice.ModelMemory.open = lambda _: model_voice.ModelMemory()  # type: ignore[assignment,method-assign]
        return cli.main(["run", "--bots", str(bots), "--live", "--every", "1s"])

    return _fork(command, folder / "fleet.out")


def begin_naive(folder: Path, url: str, number: int) -> Process:
    """What most bots do: send, retry after a failure, then record. A restart sends what is not recorded."""

    def post() -> int:
        with X(_keys(), now=FastClock().now, base_url=url, timeout=(1.0, 1.0), within=1.0) as x:
            for _ in range(3):
                with suppress(XError):
                    x.post(f"post number {number}")
                    break
        with (folder / "said.txt").open("a") as out:
            out.write(f"{number}\n")
        return 0

    return _fork(post, folder / "naive.out")


def end(process: Process, *, after: float = PATIENCE) -> Result:
    """Wait for the process; kill it when its time is up or X does not respond."""
    late, hangs, calm = time.monotonic() + after, process.output.with_name(HANGS), process.output.with_name(CALM)
    while time.monotonic() < late and (calm.exists() or not hangs.exists()):
        pid, status = os.waitpid(process.pid, os.WNOHANG)
        if pid:
            return _result(process, status, late=False)
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    status = os.waitpid(process.pid, 0)[1]
    hangs.unlink(missing_ok=True)
    return _result(process, status, late=True)


def has_ended(process: Process) -> bool:
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def environment(url: str) -> dict[str, str]:
    """A configuration for years of the fast clock: no limit of money or time delays a post."""
    keys = newcomer()
    settings = {
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
    return {f"MYNAH_{name.upper()}": value for name, value in settings.items()} | {"XDG_CONFIG_HOME": "/nonexistent"}


def _keys() -> Keys:
    user = newcomer()
    return Keys(user.secrets.consumer_key, user.secrets.consumer_secret, user.access_token, user.secrets.token_secret)


def _fork(command: Callable[[], int], output: Path, trace: Trace | None = None) -> Process:
    output.with_name(HANGS).unlink(missing_ok=True)  # of an earlier process
    child = os.fork()
    if child == 0:
        out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        _run_child(command, output.with_name(POINTS), trace)
    return Process(child, output)


def _run_child(command: Callable[[], int], points: Path, trace: Trace | None) -> NoReturn:
    """End the child here in any case: the stack above belongs to its parent."""
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


def _result(process: Process, status: int, *, late: bool) -> Result:
    output = process.output.read_text(encoding="utf-8", errors="replace") if process.output.exists() else ""
    return Result(os.WIFSIGNALED(status), late, os.waitstatus_to_exitcode(status), output)
