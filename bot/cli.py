"""The command `mynah`: calls the function of a command and turns errors into exit codes.

The commands are in bot/commands/. Slow libraries are imported inside functions, so that `mynah --help` loads neither
torch nor tweepy nor pydantic.
"""

from __future__ import annotations

import io
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from bot.commands import (
    arguments,
    auth,
    backups,
    doctor,
    drafts,
    library,
    models,
    operation,
    people,
    post,
    retrain,
    review,
    run,
    units,
)
from bot.commands.model import blindtest, export
from bot.commands.opening import FAILED, INTERRUPTED, how_to_install
from bot.commands.setup import completion, init
from bot.errors import MynahError
from bot.text.visible import guarded
from bot.values import VERSION
from bot.web import command as page

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence


# Modules that only Unix has. Files in a state folder are locked, owned and opened in ways that Windows does not know.
UNIX = {"fcntl", "grp", "pwd", "readline", "resource", "termios", "tty"}
NEEDS_UNIX = (
    "this system is not supported: mynah runs on Linux and macOS; on Windows, install it inside WSL "
    "(https://learn.microsoft.com/windows/wsl/install)"
)


class Command(NamedTuple):
    help: str
    add_arguments: Callable[[ArgumentParser], None]
    function: Callable[[Namespace], int]


# In the order in which `mynah --help` lists them.
COMMANDS = {
    "init": Command("write a configuration, from a few questions", init.add_arguments, init.init),
    "run": Command("run the bot: train or load a model, then post on schedule", run.add_arguments, run.run),
    "import": Command(
        "import tweets into the library from an X archive, CSV, JSON or text file",
        library.add_import_arguments,
        library.import_,
    ),
    "library": Command(
        "show whose tweets the library holds, and how many a model would be trained on",
        library.add_library_arguments,
        library.show_library,
    ),
    "forget": Command(
        "remove a person's tweets and mentions, and list the models trained on them",
        people.add_forget_arguments,
        people.forget,
    ),
    "retrain": Command("train a model, and promote it if it passes the gate", retrain.add_arguments, retrain.retrain),
    "sample": Command(
        "show drafts from the model with their verdicts and scores, best first",
        drafts.add_sample_arguments,
        drafts.sample,
    ),
    "screen": Command(
        "check whether a text passes the screen, and if not, why", drafts.add_screen_arguments, drafts.screen
    ),
    "evaluate": Command("evaluate a model again on held-out tweets", models.add_evaluate_arguments, models.evaluate),
    "blindtest": Command(
        "ask a reader which of twenty texts are the person's and which the bot's",
        blindtest.add_arguments,
        blindtest.blindtest,
    ),
    "models": Command(
        "list the versions of the model, how good they are, and which one is in use", arguments.add_json, models.models
    ),
    "promote": Command(
        "put a version into use, even while the bot is running", models.add_promote_arguments, models.promote
    ),
    "rollback": Command("go back to the version that was in use before", arguments.no_arguments, models.rollback),
    "publish": Command(
        "upload a model to the Hugging Face Hub, after showing what would be uploaded",
        models.add_publish_arguments,
        models.publish,
    ),
    "export": Command("write a model as a file for llama.cpp and Ollama", export.add_arguments, export.export),
    "post": Command("post something now, subject to the screen and all limits", post.add_post_arguments, post.post),
    "review": Command(
        "review the waiting drafts: approve, edit, reject or skip each", review.add_arguments, review.review
    ),
    "delete": Command("delete one of the bot's posts from X", post.add_delete_arguments, post.delete),
    "block": Command(
        "stop replying to an account, or list the blocked accounts", people.add_block_arguments, people.block
    ),
    "unblock": Command("reply to a blocked account again", people.add_unblock_arguments, people.unblock),
    "history": Command("list the bot's posts, newest first", operation.add_history_arguments, operation.history),
    "status": Command(
        "show whether the bot is running, its mode, model, next post and spending",
        operation.add_status_arguments,
        operation.status,
    ),
    "spend": Command(
        "show what was paid for, by day and kind, and what is left of the budget",
        operation.add_spend_arguments,
        operation.spend,
    ),
    "web": Command("serve a page to see and steer the bot in a browser", page.add_arguments, page.web),
    "auth": Command("log in to X as the bot and store its keys", auth.add_arguments, auth.auth),
    "doctor": Command(
        "check everything that going live needs, and say what to do about problems", doctor.add_arguments, doctor.doctor
    ),
    "install-units": Command(
        "install the systemd units and show the next steps", units.add_arguments, units.install_units
    ),
    "backup": Command(
        "back up the history and the library, even while the bot is running", arguments.no_arguments, backups.backup
    ),
    "restore": Command(
        "replace the history or the library with a backup", backups.add_restore_arguments, backups.restore
    ),
    "pause": Command("stop posting, even while the bot is running", operation.add_pause_arguments, operation.pause),
    "resume": Command("end a pause", arguments.no_arguments, operation.resume),
    "resolve": Command(
        "record whether an unconfirmed post exists on X", operation.add_resolve_arguments, operation.resolve
    ),
    "config": Command(
        "show the configuration in effect, and where each value comes from",
        operation.add_config_arguments,
        operation.show_config,
    ),
    "completion": Command(
        "print a script with which your shell completes commands and options",
        completion.add_arguments,
        completion.completion,
    ),
}


def parser() -> ArgumentParser:
    top = ArgumentParser(
        prog="mynah", description="Fine-tune GPT-2 on a person's tweets and run it as their labelled bot on X."
    )
    top.add_argument("--version", action="version", version=f"mynah {VERSION}")
    top.add_argument("--config", type=Path, metavar="FILE", help="the configuration, a TOML file (or MYNAH_CONFIG)")
    top.add_argument("--state", metavar="DIR", help="the folder for history, library and models (or MYNAH_STATE)")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        one = commands.add_parser(name, help=command.help, description=f"{command.help[0].upper()}{command.help[1:]}.")
        one.set_defaults(function=command.function, json=False, csv=False, top=top)
        command.add_arguments(one)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    _prepare_output()
    args = parser().parse_args(argv)  # exits with 2 on wrong usage
    try:
        code: int = args.function(args)
        sys.stdout.flush()  # here, where a failure is still reported
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was lost", INTERRUPTED)
    except MynahError as error:
        return _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        if (sentence := _missing(error)) is None:
            raise
        return _fail(sentence, FAILED)
    except BrokenPipeError:  # the reader has closed the pipe, as in `mynah history | head`
        _silence()
        return 0
    except OSError as error:  # of a file or disk that no command handles itself
        _silence()
        return _fail(f"{error.filename or 'output'}: {error.strerror}", FAILED)
    return code


def _missing(error: ModuleNotFoundError) -> str | None:
    """What to do about a missing module; None if it is a bug."""
    if error.name in UNIX:
        return NEEDS_UNIX
    how = how_to_install(error)
    return f"{error.name} is not installed: {how}" if how else None


def _prepare_output() -> None:
    """Escape what the terminal cannot encode and what it would obey, and accept closed standard streams."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else the next file, perhaps the history, would get this number, and be written to
            os.open(os.devnull, os.O_RDWR)
    sys.stdout, sys.stderr = _guarded(sys.stdout), _guarded(sys.stderr)


def _guarded(stream: TextIO | None) -> TextIO:
    if stream is None:
        stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  open until the process ends
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return guarded(stream)


def _silence() -> None:
    """Discard further output: Python flushes standard output at exit and would print another error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(sentence: str, code: int) -> int:
    print(f"mynah: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
