"""The command `mynah`: words to functions, errors to exit codes. The commands themselves are in bot/commands/.

Nothing heavy is imported before a command needs it: `mynah --help` loads neither torch nor tweepy nor pydantic.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands import (
    arguments,
    auth,
    backups,
    doctor,
    drafts,
    history,
    library,
    models,
    operation,
    people,
    post,
    publish,
    retrain,
    review,
    run,
    units,
)
from bot.commands.opening import FAILED, INTERRUPTED, installing
from bot.errors import MynahError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence


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
        if (how := installing(error)) is None:
            raise
        return _fail(f"{error.name} is not installed: {how}", FAILED)
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


COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "run": run.run,
    "import": library.import_,
    "library": library.show_library,
    "forget": people.forget,
    "retrain": retrain.retrain,
    "sample": drafts.sample,
    "screen": drafts.screen,
    "evaluate": models.evaluate,
    "models": models.models,
    "promote": models.promote,
    "rollback": models.rollback,
    "publish": publish.publish,
    "post": post.post,
    "review": review.review,
    "delete": post.delete,
    "block": people.block,
    "unblock": people.unblock,
    "history": history.history,
    "status": operation.status,
    "spend": operation.spend,
    "auth": auth.auth,
    "doctor": doctor.doctor,
    "install-units": units.install_units,
    "backup": backups.backup,
    "restore": backups.restore,
    "pause": operation.pause,
    "resume": operation.resume,
    "resolve": operation.resolve,
    "config": operation.show_config,
}


if __name__ == "__main__":
    sys.exit(main())
