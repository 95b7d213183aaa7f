"""`mynah retrain`: trains a model, and promotes it if it passes the gate."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.commands.console.terminal import say, warn
from bot.commands.library import archives, choices
from bot.commands.model.conclusion import conclude
from bot.commands.model.consent import consent, keep_consent
from bot.commands.model.training_log import FILE, TrainingLog, both
from bot.commands.models import gate
from bot.commands.opening import FAILED, loaded
from bot.errors import Busy, ConfigError, MynahError, StoreError, training_errors

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

    from bot.clock import Clock
    from bot.commands.console.progress import TrainingBar
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.running.systemd import Notifier
    from training.learn.tracking import Tracker
    from training.retraining.job import Begin, Job, Monitor, Outcome

CHECKPOINT_EVERY_S = 120  # GPT-2's takes two or three seconds to write


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="begin",
        choices=("base", "current"),
        default="base",
        help="base: train from the base model (default); current: continue from the current model with only new tweets",
    )
    parser.add_argument(
        "--preset",
        choices=("huggingtweets",),
        help="huggingtweets: train as it did, by its cleaning rules, from gpt2, all weights; overrides [training]",
    )
    parser.add_argument("--plan", action="store_true", help="only show what would be done and how long it would take")
    parser.add_argument(
        "--consent",
        metavar="TEXT",
        help="how you know that the people agree, for the card; kept for later trainings, an empty text removes it",
    )
    parser.add_argument("--as-is", action="store_true", help="promote the model even if it fails the gate")


def retrain(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.config import load
    from bot.config.state_dir import StateDir
    from bot.running.systemd import Notifier

    settings, clock = loaded(args).settings, SystemClock()
    folder, notifier = StateDir(settings.state), Notifier(load.notify_socket())
    make_job = _huggingtweets_job if args.preset else _job
    if args.plan:
        return _plan(settings, make_job(settings, folder, begin=args.begin, as_is=args.as_is), clock, notifier)
    folder.make()
    with TrainingLog(folder.root / FILE, clock) as log:
        if args.consent is not None:
            keep_consent(folder, args.consent)
        job = make_job(settings, folder, begin=args.begin, as_is=args.as_is)
        _back_up(settings, folder, clock)
        outcome = _train(settings, job, clock, notifier, log)
    conclude(outcome, settings, folder, clock)
    for sentence in outcome.why:
        warn(sentence)
    if outcome.version is None:
        return 0
    say(str(outcome.version))
    if not outcome.promoted:
        name = outcome.version.name
        warn(f"{name} is kept but not promoted; `mynah promote {name}` promotes it anyway")
    return 0 if outcome.promoted else FAILED


def _back_up(settings: Settings, folder: StateDir, clock: Clock) -> None:
    """Back up the tweets, which cannot be recreated. If that fails, training goes ahead: it only reads them."""
    from bot.running import assembly

    try:
        assembly.backups(settings, folder).make(clock.now())
    except (StoreError, Busy) as error:
        warn(f"there is no backup from before this training: {error}")


def train(settings: Settings, folder: StateDir, clock: Clock, notifier: Notifier) -> None:
    """Train the first model and promote it; raises if it fails the gate, since the bot cannot run without one."""
    with TrainingLog(folder.root / FILE, clock) as log:
        outcome = _train(settings, _job(settings, folder), clock, notifier, log)
    notifier.needs(600)  # for the posts that are shown, on a slow chip
    conclude(outcome, settings, folder, clock, starting=True)
    if not outcome.promoted and outcome.version is not None:
        raise ConfigError(  # exit code 78: a restart would only train the same model again
            f"the new model {outcome.version.name} failed the gate: {' '.join(outcome.why)} "
            "Import more tweets, or promote it anyway with `mynah promote`"
        )


def _plan(settings: Settings, job: Job, clock: Clock, notifier: Notifier) -> int:
    from bot.commands.console.progress import TrainingBar
    from training.errors import NothingNew
    from training.retraining.plan import plan

    with training_errors(), TrainingBar(clock.monotonic) as bar:
        try:
            planned = plan(lambda: archives(settings), job, _watch(bar, clock, notifier))
        except NothingNew as nothing:
            warn(str(nothing))
            return 0
    say("\n".join(planned.sentences()))
    return 0


def _train(settings: Settings, job: Job, clock: Clock, notifier: Notifier, log: TrainingLog) -> Outcome:
    from bot.commands.console.progress import TrainingBar
    from training.retraining.retrain import retrain

    with training_errors(), TrainingBar(clock.monotonic) as bar, _interruptible(bar, job) as stops:
        watch = _watch(bar, clock, notifier)
        watch = replace(watch, report=both(watch.report, log.show), tracker=_tracker(settings, bar), stops=stops)
        outcome = retrain(lambda: archives(settings), job, watch, now=clock.now())
    log.finish(outcome)
    return outcome


@contextmanager
def _interruptible(bar: TrainingBar, job: Job) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C end the training after a whole step, and say where it will go on; the second is at once."""
    import signal
    import threading

    from training.errors import Stopped

    is_asked = False

    def ask(*_: object) -> None:
        nonlocal is_asked
        if is_asked or bar.stage != "train":
            raise KeyboardInterrupt
        is_asked = True
        bar.warn("stopping after this step, to go on from it later; Ctrl-C again stops at once")

    is_main = threading.current_thread() is threading.main_thread()  # elsewhere Python allows no handler
    before = signal.signal(signal.SIGINT, ask) if is_main else None
    try:
        yield lambda: is_asked
    except Stopped as stop:
        raise KeyboardInterrupt(f"{stop}; the same command goes on from there") from stop
    except KeyboardInterrupt as stop:
        goes_on = "goes on from its last checkpoint" if _has_checkpoint(job) else "starts over"
        raise KeyboardInterrupt(f"interrupted; nothing was lost, and the same command {goes_on}") from stop
    finally:
        if is_main:
            signal.signal(signal.SIGINT, before)


def _has_checkpoint(job: Job) -> bool:
    from training.models import registry
    from training.retraining.retrain import CHECKPOINT

    return (job.models / registry.UNFINISHED / CHECKPOINT).exists()


def _job(settings: Settings, folder: StateDir, *, begin: Begin = "base", as_is: bool = False) -> Job:
    from bot.running.chooser import chooser
    from bot.text.length import weighted_length
    from training.recipe import recipe_for
    from training.retraining.job import Job
    from training.retraining.prepare import base_for
    from training.speak.types import Sampling

    chosen = settings.training
    with training_errors():
        base = base_for(folder.models, chosen.base_model, begin)
    return Job(
        models=folder.models,
        base=base.name,
        why_base=base.why,
        begin=begin,
        recipe=recipe_for(base.name, chosen.method),
        choices=choices(settings),
        gate=None if as_is else gate(settings),
        device=chosen.device,
        seed=chosen.seed,
        save=chosen.save,
        keep=chosen.keep,
        length=weighted_length,
        sampling=Sampling(settings.voice.temperature, settings.voice.top_p, settings.voice.max_tokens),
        choose=chooser(settings),
        consent=consent(folder),
    )


def _huggingtweets_job(settings: Settings, folder: StateDir, *, begin: Begin, as_is: bool) -> Job:
    """A job with everything replaced that decides what the model learns, and how; authors, seed and device stay."""
    from datetime import timedelta

    from training.recipe import FINETUNE

    if begin != "base":
        raise MynahError("--preset huggingtweets trains from gpt2: leave out --from current")
    own = {
        "rules": "huggingtweets",
        "base_model": "gpt2",
        "method": "full",
        "recency": timedelta(0),
        "tags": False,
    }
    settings = settings.model_copy(update={"training": settings.training.model_copy(update=own)})
    recipe = replace(FINETUNE, keep_best=False)  # huggingtweets kept the weights after the last step
    return replace(_job(settings, folder, as_is=as_is), recipe=recipe)


def _tracker(settings: Settings, bar: TrainingBar) -> Tracker:
    from bot.config.state_dir import expanded
    from training.learn.tracking import SILENT, wandb_tracker

    chosen = settings.tracking
    if not chosen.wandb:
        return SILENT
    return wandb_tracker(
        folder=expanded(settings.state) / "wandb",
        project=chosen.project,
        entity=chosen.entity,
        offline=chosen.offline,
        share_tweets=chosen.share_tweets,
        warn=bar.warn,
    )


def _watch(bar: TrainingBar, clock: Clock, notifier: Notifier) -> Monitor:
    """Each progress report also asks systemd for more time."""
    from training.retraining.job import Monitor, every

    def report(progress: Any) -> None:
        notifier.needs(600)  # a big model on a slow chip is judged for minutes
        bar.show(progress)

    return Monitor(report, seconds=clock.monotonic, due=every(CHECKPOINT_EVERY_S, clock.monotonic))
