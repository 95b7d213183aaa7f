"""The command `mynah`: calls the function of a command and turns errors into exit codes.

The commands are in bot/commands/; each has an entry here, which makes this file long. Slow libraries are imported
inside functions, so that `mynah --help` loads neither torch nor tweepy nor pydantic.
"""

from __future__ import annotations

import io
import os
import sys
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
    units,
)
from bot.commands.console import usage
from bot.commands.console.terminal import warn
from bot.commands.fleet import bots
from bot.commands.model import blindtest, export
from bot.commands.opening import FAILED, INTERRUPTED, how_to_install
from bot.commands.setup import completion, init
from bot.commands.standing import next_step, watch
from bot.errors import MynahError
from bot.text.visible import guarded
from bot.values import VERSION
from bot.web import command as page

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
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
    examples: tuple[str, ...]  # the first one is in `mynah --help`


# By the title under which `mynah --help` lists them, and in its order.
GROUPS: dict[str, dict[str, Command]] = {
    "begin": {
        "init": Command("write a configuration, from a few questions", init.add_arguments, init.init, ("init",)),
        "import": Command(
            "take in tweets: X archive, CSV, JSON or text file",
            library.add_import_arguments,
            library.import_,
            ("import twitter.zip", "import tweets.csv --as @jackdaw", "import --from-api @jackdaw --limit 500"),
        ),
        "library": Command(
            "show whose tweets there are, and what is trained on",
            library.add_library_arguments,
            library.show_library,
            ("library", "library --show-dropped 3"),
        ),
        "retrain": Command(
            "train a model, and promote it if it passes the gate",
            retrain.add_arguments,
            retrain.retrain,
            ("retrain", "retrain --plan", "retrain --from current"),
        ),
        "config": Command(
            "show the settings, and where each comes from",
            operation.add_config_arguments,
            operation.show_config,
            ("config", "config --changed", "config --check"),
        ),
        "auth": Command(
            "log in to X as the bot and store its keys", auth.add_arguments, auth.auth, ("auth", "auth --check")
        ),
        "doctor": Command(
            "check everything that going live needs",
            doctor.add_arguments,
            doctor.doctor,
            ("doctor", "doctor --confirm", "doctor --live --online"),
        ),
        "completion": Command(
            "print a script that completes commands in your shell",
            completion.add_arguments,
            completion.completion,
            ("completion bash",),
        ),
    },
    "speak": {
        "run": Command(
            "run the bot: it posts on schedule, or only shows it",
            bots.add_run_arguments,
            bots.run,
            ("run", "run --every 10s", "run --live --mode review", "run --bots DIR"),
        ),
        "fleet": Command(
            "list or retrain the bots that one process runs",
            bots.add_arguments,
            bots.fleet,
            ("fleet status --bots DIR", "fleet retrain --all --bots DIR"),
        ),
        "sample": Command(
            "show drafts from the model with verdicts and scores",
            drafts.add_sample_arguments,
            drafts.sample,
            ("sample -n 5", 'sample "My dream is"'),
        ),
        "screen": Command(
            "check whether a text passes the screen, or why not",
            drafts.add_screen_arguments,
            drafts.screen,
            ('screen "Good morning!"', "screen --file drafts.txt --check"),
        ),
        "post": Command(
            "post something now, within the screen and all limits",
            post.add_post_arguments,
            post.post,
            ('post "Good morning!"', "post --draft --live"),
        ),
        "review": Command(
            "approve, edit, reject or skip the waiting drafts",
            review.add_arguments,
            review.review,
            ("review", "review list", "review approve 7"),
        ),
        "delete": Command(
            "delete one of the bot's posts from X", post.add_delete_arguments, post.delete, ("delete 7",)
        ),
    },
    "watch": {
        "status": Command(
            "show how the bot is, what is next, and what it costs",
            operation.add_status_arguments,
            operation.status,
            ("status", "status --all", "status --check"),
        ),
        "watch": Command(
            "show the same live, with newest posts and the log",
            watch.add_arguments,
            watch.watch,
            ("watch",),
        ),
        "history": Command(
            "list the bot's posts, newest first",
            operation.add_history_arguments,
            operation.history,
            ("history -n 5", "history --refused", "history --csv"),
        ),
        "spend": Command(
            "show what was paid for, and what the budget leaves",
            operation.add_spend_arguments,
            operation.spend,
            ("spend --days 7",),
        ),
        "web": Command(
            "serve a page to see and steer the bot in a browser",
            page.add_arguments,
            page.web,
            ("web", "web --new-token"),
        ),
        "notify": Command(
            "list where notifications go, or send a test",
            operation.add_notify_arguments,
            operation.notify,
            ("notify", "notify --test"),
        ),
    },
    "models": {
        "models": Command(
            "list the versions of the model, and how good each is",
            arguments.add_json,
            models.models,
            ("models",),
        ),
        "evaluate": Command(
            "evaluate a model again on held-out tweets", models.add_evaluate_arguments, models.evaluate, ("evaluate",)
        ),
        "blindtest": Command(
            "can you tell the bot's texts from the person's?",
            blindtest.add_arguments,
            blindtest.blindtest,
            ("blindtest",),
        ),
        "promote": Command(
            "put a version into use, even while the bot runs",
            models.add_promote_arguments,
            models.promote,
            ("promote 20261121T1200",),
        ),
        "rollback": Command(
            "go back to the version that was in use before", arguments.no_arguments, models.rollback, ("rollback",)
        ),
        "publish": Command(
            "upload a model to the Hugging Face Hub",
            models.add_publish_arguments,
            models.publish,
            ("publish you/my-bird",),
        ),
        "export": Command(
            "write a model as a file for llama.cpp and Ollama",
            export.add_arguments,
            export.export,
            ("export --gguf bird.gguf", "export --folder bird"),
        ),
    },
    "people": {
        "block": Command(
            "stop replying to an account, or list those blocked",
            people.add_block_arguments,
            people.block,
            ("block @magpie", "block"),
        ),
        "mentions": Command(
            "list the mentions that a person should look at",
            people.add_mentions_arguments,
            people.mentions,
            ("mentions", "mentions --seen all"),
        ),
        "unblock": Command(
            "reply to a blocked account again", people.add_unblock_arguments, people.unblock, ("unblock @magpie",)
        ),
        "forget": Command(
            "remove a person's tweets and mentions",
            people.add_forget_arguments,
            people.forget,
            ("forget @magpie",),
        ),
    },
    "keep safe": {
        "pause": Command(
            "stop posting, even while the bot runs",
            operation.add_pause_arguments,
            operation.pause,
            ("pause", "pause --for 2h", "pause --until 18:30"),
        ),
        "resume": Command("end a pause", arguments.no_arguments, operation.resume, ("resume",)),
        "resolve": Command(
            "record whether an unconfirmed post exists on X",
            operation.add_resolve_arguments,
            operation.resolve,
            ("resolve 7 abandoned", "resolve 7 posted --x-id 1862000000000000000"),
        ),
        "backup": Command(
            "back up history and library, even while the bot runs",
            arguments.no_arguments,
            backups.backup,
            ("backup",),
        ),
        "restore": Command(
            "replace the history or the library with a backup",
            backups.add_restore_arguments,
            backups.restore,
            ("restore BACKUP.db",),
        ),
        "install-units": Command(
            "install the systemd units and show the next steps",
            units.add_arguments,
            units.install_units,
            ("install-units --bot NAME",),
        ),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}


def parser() -> usage.TopParser:
    top = usage.TopParser(
        prog="mynah",
        description="Fine-tune a language model on a person's tweets and run it as their labelled bot on X.",
    )
    top.groups = {
        title: [(command.examples[0], command.help) for command in group.values()] for title, group in GROUPS.items()
    }
    top.add_argument("--version", action="version", version=f"mynah {VERSION}", help="show the version")
    top.add_argument("--config", type=Path, metavar="FILE", help="the configuration, a TOML file (or MYNAH_CONFIG)")
    top.add_argument(
        "--home", type=Path, metavar="DIR", help="a folder with all of one bot: its config.toml, its keys and its state"
    )
    top.add_argument(
        "--state",
        type=arguments.folder,
        metavar="DIR",
        help="the folder for history, library and models (or MYNAH_STATE)",
    )
    top.set_defaults(function=next_step.say_next, json=False, csv=False)
    commands = top.add_subparsers(metavar="COMMAND", parser_class=usage.Parser)
    for name, command in COMMANDS.items():
        end = "" if command.help.endswith("?") else "."
        description = f"{command.help[0].upper()}{command.help[1:]}{end}"
        one = commands.add_parser(name, help=command.help, description=description, examples=command.examples)
        one.set_defaults(function=command.function, parser=one, top=top, json=False, csv=False)
        command.add_arguments(one)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    _prepare_output()
    try:
        args = parser().parse_args(argv)  # exits with 2 on wrong usage
        code: int = args.function(args)
        sys.stdout.flush()  # here, where a failure is still reported
    except KeyboardInterrupt as error:  # a training says where it goes on
        return _fail(str(error) or "interrupted; nothing was lost", INTERRUPTED)
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
    warn(sentence)
    return code


if __name__ == "__main__":
    sys.exit(main())
