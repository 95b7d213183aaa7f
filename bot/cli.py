"""Every command: builds the objects, turns errors into exit codes; alone prints and exits.

Nothing heavy is imported before a command needs it: `mynah --help` loads neither torch nor tweepy nor pydantic.
Longer than other files, for it is the one place where everything meets; every command is short.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import arguments
from bot.errors import Busy, ModelError, MynahError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping, Sequence

    from bot.agenda import Agenda
    from bot.clock import Clock
    from bot.config import Loaded
    from bot.folder import StateFolder
    from bot.notify import Notifier
    from bot.settings import Settings
    from bot.store import Store

FAILED, BUSY, INTERRUPTED = 1, 75, 130
# What a machine that only looks, or only speaks, or only trains need not have.
EXTRAS = {
    **dict.fromkeys(("torch", "transformers", "tokenizers", "safetensors", "numpy"), "model"),
    **dict.fromkeys(("apscheduler", "tweepy", "requests", "requests_oauthlib"), "speak"),
}
SAMPLE = "sample"  # the word in training.tweets for the account that comes with the program


def main(argv: Sequence[str] | None = None) -> int:
    _prepare_output()
    args = arguments.parser(COMMANDS).parse_args(argv)  # wrong usage exits with 2 in there
    try:
        code: int = args.command(args)
        sys.stdout.flush()  # here, where it can still fail in a sentence
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was lost", INTERRUPTED)
    except MynahError as error:
        return _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        return _fail(f"{error.name} is not installed: pip install 'mynah-bot[{extra}]'", FAILED)
    except BrokenPipeError:  # `mynah history | head` has seen enough
        _silence()
        return 0
    except OSError as error:  # a folder or a disk that nobody thought of
        _silence()
        return _fail(f"{error.filename or 'output'}: {error.strerror}", FAILED)
    return code


def _prepare_output() -> None:
    """A terminal that lacks a letter, or that is not there, is no reason to fail."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for as long as we live
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _silence() -> None:
    """What is left to be written cannot be; Python would try again at the end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(sentence: str, code: int) -> int:
    print(f"mynah: {sentence}", file=sys.stderr)
    return code


# Living


def run(args: Namespace) -> int:
    from bot import build, config, log
    from bot.clock import SystemClock, stamp
    from bot.folder import StateFolder
    from bot.notify import Notifier

    settings = _loaded(args).settings
    clock = SystemClock()
    console = settings.log.format == "console" or (settings.log.format == "auto" and sys.stdout.isatty())
    secrets = build.secrets(settings).values()
    log.configure(level=settings.log.level, console=console, stream=sys.stdout, secrets=secrets, clock=clock)
    folder = StateFolder(settings.state)
    notifier = Notifier(config.notify_socket())
    every = args.every.total_seconds() if args.every else None
    with folder.hold({"since": stamp(clock.now()), "live": settings.live, "every": every, "bot": settings.bot}):
        agenda, refresh = _agenda(args, settings, folder, clock, notifier)
        return _once(agenda, clock) if args.once else _on_and_on(args, agenda, refresh, clock, notifier)


def _agenda(
    args: Namespace, settings: Settings, folder: StateFolder, clock: Clock, notifier: Notifier
) -> tuple[Agenda, Callable[[], None]]:
    """The bot, put together, and what makes it look for a newer model. What can be wrong cheaply is looked at first."""
    import structlog

    from bot import build
    from bot.agenda import Agenda
    from bot.store import Store
    from bot.voice import CurrentVoice, promoted

    publisher = build.publisher(settings, clock)
    with Store.open(folder.history) as store:
        build.claim(store, settings)
    log = structlog.get_logger()
    if promoted(folder.models) is None:
        log.info("model.missing", detail="training one first", tweets=", ".join(settings.training.tweets))
        _train(settings, folder, clock, notifier)
    voice = CurrentVoice(lambda: promoted(folder.models), lambda path: build.voice(path, settings), log)
    schedule = build.schedule(settings, args.every)
    log.info(
        "daemon.started",
        bot=settings.bot,
        mode="live" if settings.live else "dry run",
        model=voice.name,
        next_slot="now" if args.once else f"{schedule.next(clock.now()).due:%Y-%m-%d %H:%M:%S} UTC",
    )
    agenda = Agenda(
        open_store=lambda: Store.open(folder.history, create=False),
        voice=voice,
        screen=lambda store: build.screen(settings, store, voice.copied),
        outbox=build.outbox(settings, publisher, clock, every=args.every),
        schedule=schedule,
        manner=build.manner(settings),
        clock=clock,
    )
    for post in agenda.begin():
        log.warning("post.unknown", post=post, do=f"look whether it exists, then `mynah resolve {post} …`")
    return agenda, voice.refresh


def _once(agenda: Agenda, clock: Clock) -> int:
    import structlog

    from bot import slots
    from bot.daemon import on_signals
    from bot.diary import Diary

    with on_signals(stop=lambda _: None):  # the round ends, and then so do we
        ended = agenda.speak_now(slots.once(clock.now()))
        Diary(structlog.get_logger()).write(ended)
    return {"dry": 0, "posted": 0, "waiting": BUSY}.get(ended.outcome, FAILED)


def _on_and_on(args: Namespace, agenda: Agenda, refresh: Callable[[], None], clock: Clock, notifier: Notifier) -> int:
    import faulthandler
    from datetime import timedelta

    import structlog

    from bot.daemon import Daemon
    from bot.diary import Diary

    faulthandler.enable()  # a stack for the watchdog's SIGABRT
    log = structlog.get_logger()
    diary = Diary(log)

    def tick() -> None:
        refresh()
        if ended := agenda.turn():
            diary.write(ended)

    seldom = timedelta(seconds=15)  # lets a small machine sleep, and a minute's punctuality is not asked of a bot
    daemon = Daemon(
        tick,
        refresh,
        period=max(min(seldom, args.every / 5), timedelta(milliseconds=200)) if args.every else seldom,
        clock=clock,
        notifier=notifier,
        log=log,
    )
    if not daemon.run():
        log.error("daemon.cut_short", detail="the last round did not end in time")
        os._exit(FAILED)  # its thread would keep the process; the history is whole at every moment
    log.info("daemon.stopped")
    return 0


# The model


def retrain(args: Namespace) -> int:
    from bot import config
    from bot.clock import SystemClock
    from bot.folder import StateFolder
    from bot.notify import Notifier

    settings = _loaded(args).settings
    folder = StateFolder(settings.state)
    folder.make()
    print(_train(settings, folder, SystemClock(), Notifier(config.notify_socket())))
    return 0


def _train(settings: Settings, folder: StateFolder, clock: Clock, notifier: Notifier) -> Path:
    """The door to the training commands. systemd is asked for more time as long as it moves on."""
    from bot.folder import expanded
    from bot.progress import TrainingBar
    from training import errors
    from training.recipe import recipe_for
    from training.retrain import retrain
    from training.sample.build import ARCHIVE

    wanted = settings.training
    with TrainingBar(clock.monotonic) as bar:

        def report(progress: Any) -> None:
            notifier.needs(600)  # a big model on a slow chip is judged for minutes
            bar.show(progress)

        try:
            return retrain(
                tweets=[ARCHIVE if name == SAMPLE else expanded(Path(name)) for name in wanted.tweets],
                models=folder.models,
                recipe=recipe_for(wanted.base_model),
                base=wanted.base_model,
                device=wanted.device,
                now=clock.now(),
                seed=wanted.seed,
                report=report,
                author=wanted.author or None,
            )
        except errors.StateBusy as error:
            raise Busy(str(error)) from error
        except errors.TrainingError as error:
            raise ModelError(str(error)) from error


def sample(args: Namespace) -> int:
    from bot import build
    from bot.voice import promoted

    settings = _loaded(args).settings
    folder, store = _looked_at(settings)
    current = promoted(folder.models)
    if current is None:
        raise ModelError(f"there is no model in {folder.models} yet: `mynah retrain` makes one")
    voice = build.voice(current, settings)
    screen = build.screen(settings, store, voice.copied)
    rows = []
    for draft in voice.draft(args.prompt, n=args.number, seed=args.seed):
        reasons = [reason.name for reason in screen.reasons(draft)]
        score = round(draft.likelihood, 3)
        rows.append({"text": draft.text, "score": score, "verdict": _verdict(reasons), "reasons": reasons})
    _show(rows, ("verdict", "text", "score", "reasons"), args)
    return 0


def screen(args: Namespace) -> int:
    from bot import build
    from bot.tweets import Draft
    from bot.voice import open_memory, promoted

    settings = _loaded(args).settings
    folder, store = _looked_at(settings)
    chain = build.screen(settings, store, open_memory(promoted(folder.models)))
    rows = []
    for text in _texts(args):
        reasons = chain.reasons(Draft(text))
        names = [reason.name for reason in reasons]
        details = [reason.detail for reason in reasons]
        rows.append({"text": text, "verdict": _verdict(names), "reasons": names, "details": details})
    _show(rows, ("verdict", "text", "reasons", "details"), args)
    return 0


def _texts(args: Namespace) -> list[str]:
    if args.file is None:
        return [args.text]
    try:
        return [line for line in args.file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise MynahError(f"{args.file}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from error


def _verdict(reasons: Sequence[str]) -> str:
    return "refuse" if reasons else "pass"


# What was said, and how it stands


def history(args: Namespace) -> int:
    from dataclasses import asdict

    _, store = _looked_at(_loaded(args).settings)
    if args.refused:
        rows: list[dict[str, Any]] = store.refusals(dry=args.dry, limit=args.limit) if store else []
        _show(rows, ("at", "slot", "reason", "detail", "text"), args)
        return 0
    posts = store.history(dry=args.dry, state=args.in_state, limit=args.limit) if store else []
    _show([asdict(post) for post in posts], ("id", "created_at", "state", "length", "text", "note"), args)
    return 0


def status(args: Namespace) -> int:
    from datetime import timedelta

    from bot import build
    from bot.clock import SystemClock
    from bot.status import standing
    from bot.voice import promoted

    settings = _loaded(args).settings
    folder, store = _looked_at(settings)
    holder = folder.holder()
    every = (holder or {}).get("every")
    current = promoted(folder.models)
    row = standing(
        holder,
        store,
        live=(holder or {}).get("live", settings.live),
        schedule=build.schedule(settings, timedelta(seconds=every) if every else None),
        model=current.name if current else None,
        caps=build.caps(settings),
        now=SystemClock().now(),
    )
    lines = [{"what": key.replace("_", " "), "is": value} for key, value in row.items()]
    _show([row] if args.json else lines, ("what", "is"), args)
    return 0


def pause(args: Namespace) -> int:
    from bot import outbox
    from bot.clock import SystemClock, stamp

    now = SystemClock().now()
    until = now + args.span if args.span else outbox.FOR_GOOD
    with _writable(args) as store:
        outbox.pause(store, until=until, because=f"`mynah pause` at {stamp(now)}")
    print(f"paused: nothing goes out until {stamp(until) if args.span else '`mynah resume`'}")
    return 0


def resume(args: Namespace) -> int:
    from bot import outbox

    with _writable(args) as store:
        outbox.resume(store)
    print("resumed")
    return 0


def resolve(args: Namespace) -> int:
    from bot.clock import SystemClock

    if args.outcome == "posted" and not args.x_id:
        raise MynahError("say which post on X it is with --x-id, the number at the end of its address")
    if args.outcome == "abandoned" and args.x_id:
        raise MynahError("--x-id is for a post that is on X; an abandoned one is not")
    with _writable(args) as store:
        found = store.post(args.id)
        if found.state not in {"unknown", "abandoned"} or found.state == args.outcome:
            raise MynahError(f"post {args.id} is {found.state}: only one that is unknown needs resolving")
        store.move(args.id, args.outcome, at=SystemClock().now(), x_id=args.x_id, note="resolved by hand")
    print(f"post {args.id} is {args.outcome}")
    return 0


def show_config(args: Namespace) -> int:
    loaded = _loaded(args)
    if args.check:
        print("the configuration is right")
        return 0
    rows = [{"key": key, "value": value, "source": origin} for key, value, origin in loaded.rows()]
    _show(rows, ("key", "value", "source"), args)
    return 0


COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "run": run,
    "retrain": retrain,
    "sample": sample,
    "screen": screen,
    "history": history,
    "status": status,
    "pause": pause,
    "resume": resume,
    "resolve": resolve,
    "config": show_config,
}


# What commands share


def _loaded(args: Namespace) -> Loaded:
    from bot import config

    flags = {
        "state": args.state,
        "live": getattr(args, "live", None),
        "training": {"tweets": getattr(args, "tweets", None), "author": getattr(args, "author", None)},
    }
    return config.load(args.config, flags)


def _looked_at(settings: Settings) -> tuple[StateFolder, Store | None]:
    """For commands that only look: the folder, and its history if there is one."""
    from bot.folder import StateFolder
    from bot.store import Store

    folder = StateFolder(settings.state)
    return folder, Store.open(folder.history, read_only=True) if folder.history.exists() else None


def _writable(args: Namespace) -> Store:
    from bot.folder import StateFolder
    from bot.store import Store

    folder = StateFolder(_loaded(args).settings.state)
    folder.make()
    return Store.open(folder.history)


def _show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], args: Namespace) -> None:
    from bot import tables

    if args.json:
        for row in rows:
            print(tables.as_json(row))
    elif args.csv:
        print(tables.as_csv(rows, list(rows[0]) if rows else columns))
    else:
        print(tables.as_table(rows, columns) if rows else "nothing yet")


if __name__ == "__main__":
    sys.exit(main())
