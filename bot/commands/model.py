"""`mynah retrain`: the door to training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands.shown import loaded
from bot.errors import Busy, ModelError

if TYPE_CHECKING:
    from argparse import Namespace

    from bot.clock import Clock
    from bot.folder import StateFolder
    from bot.notify import Notifier
    from bot.settings import Settings

SAMPLE = "sample"  # the word in training.tweets for the account that comes with the program


def retrain(args: Namespace) -> int:
    from bot import config
    from bot.clock import SystemClock
    from bot.folder import StateFolder
    from bot.notify import Notifier

    settings = loaded(args).settings
    folder = StateFolder(settings.state)
    folder.make()
    print(train(settings, folder, SystemClock(), Notifier(config.notify_socket())))
    return 0


def train(settings: Settings, folder: StateFolder, clock: Clock, notifier: Notifier) -> Path:
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
