"""The words of the command line. It knows what can be asked, not what is done about it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands import argument_types
from bot.history.schema import LEGAL_MOVES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Command = Callable[[argparse.Namespace], int]

VERSION = "0.1.0"
STATES = sorted({state for move in LEGAL_MOVES for state in move})


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """`commands` says what does each word; a word without its function is not listed."""
    top = argparse.ArgumentParser(
        prog="mynah", description="Fine-tunes GPT-2 on your tweets and lives as your labelled bot."
    )
    top.add_argument("--version", action="version", version=f"mynah {VERSION}")
    top.add_argument("--config", type=Path, metavar="FILE", help="the TOML file (MYNAH_CONFIG)")
    top.add_argument("--state", metavar="DIR", help="where history and models are kept (MYNAH_STATE)")
    words = top.add_subparsers(metavar="COMMAND", required=True)
    for name, (help_, add_arguments) in WORDS.items():
        if name in commands:
            one = words.add_parser(name, help=help_, description=help_[0].upper() + help_[1:] + ".")
            one.set_defaults(command=commands[name], json=False, csv=False)
            add_arguments(one)
    return top


def _run(one: argparse.ArgumentParser) -> None:
    _mode(one)
    one.add_argument("--mode", choices=("auto", "review"), help="review: nothing goes out before your yes to it")
    one.add_argument("--once", action="store_true", help="one round now, then exit")
    one.add_argument(
        "--every", type=argument_types.duration, metavar="DURATION", help="a slot each 10s, say, not as scheduled"
    )


def _retrain(one: argparse.ArgumentParser) -> None:
    begin, meaning = ("base", "current"), "afresh (base), or the model in use goes on with what is new (current)"
    one.add_argument("--from", dest="begin", choices=begin, default="base", help=meaning)
    one.add_argument("--plan", action="store_true", help="only say what would be done, and how long it would take")
    one.add_argument("--as-is", action="store_true", help="take it into use whatever the gate has against it")


def _import(one: argparse.ArgumentParser) -> None:
    one.add_argument("files", nargs="*", type=Path, metavar="FILE", help="X archive, CSV, JSON or text")
    one.add_argument("--as", dest="author", metavar="@HANDLE", help="whose tweets they are, where a file does not say")
    one.add_argument("--drop-deleted", action="store_true", help="also take out what was deleted on X since")
    one.add_argument(
        "--from-api", metavar="@HANDLE", help="no file: the newest tweets of an account, which X charges for"
    )
    one.add_argument(
        "--limit", type=argument_types.count, default=3_200, metavar="N", help="with --from-api: at most so many (3200)"
    )
    one.add_argument("--yes", action="store_true", help="with --from-api: do not ask")
    _json(one)


def _library(one: argparse.ArgumentParser) -> None:
    one.add_argument("--rules", choices=("mynah", "huggingtweets"), help="count by these, not as configured")
    one.add_argument(
        "--show-dropped", type=argument_types.count, default=0, metavar="N", help="with N examples for each rule"
    )
    _json(one)


def _block(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "handle", nargs="?", type=argument_types.handle, metavar="@HANDLE", help="whom; without it, who is blocked"
    )
    _json(one)


def _unblock(one: argparse.ArgumentParser) -> None:
    one.add_argument("handle", type=argument_types.handle, metavar="@HANDLE", help="whom")


def _forget(one: argparse.ArgumentParser) -> None:
    one.add_argument("author", type=argument_types.handle, metavar="@HANDLE", help="whom")
    one.add_argument("--yes", action="store_true", help="do not ask")


def _sample(one: argparse.ArgumentParser) -> None:
    one.add_argument("prompt", nargs="?", default="", help='how the drafts begin, such as "My dream is"')
    one.add_argument("-n", "--number", type=argument_types.count, default=10, help="how many (10)")
    one.add_argument("--seed", type=argument_types.count, default=0, help="the same seed gives the same drafts (0)")
    one.add_argument("--as", dest="author", metavar="@HANDLE", help="as this one of several authors (training.tags)")
    _json(one)


def _screen(one: argparse.ArgumentParser) -> None:
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("text", nargs="?", help="the text")
    which.add_argument("--file", type=Path, help="a file of texts, one a line")
    _json(one)


def _evaluate(one: argparse.ArgumentParser) -> None:
    one.add_argument("version", nargs="?", default="current", metavar="VERSION", help="this one, not the one in use")
    one.add_argument(
        "-n", "--number", type=argument_types.count, default=1_000, help="how many texts it is to say (1000)"
    )
    one.add_argument("--seed", type=argument_types.count, default=0, help="the same seed gives the same figures (0)")
    _json(one)


def _promote(one: argparse.ArgumentParser) -> None:
    one.add_argument("version", metavar="VERSION", help="its name, or how its name begins")


def _publish(one: argparse.ArgumentParser) -> None:
    one.add_argument("repo", metavar="REPO", help="where to on the hub: you/my-bird")
    one.add_argument("--version", metavar="VERSION", default="current", help="this one, not the one in use")
    one.add_argument("--public", action="store_true", help="for everybody to see; else it is private")
    one.add_argument("--consent", metavar="WORDS", default="", help="how you know that the person agrees, for the card")
    one.add_argument("--yes", action="store_true", help="do not ask")


def _history(one: argparse.ArgumentParser) -> None:
    one.add_argument("-n", "--limit", type=argument_types.count, default=20, help="how many rows (20)")
    one.add_argument("--refused", action="store_true", help="the drafts that the screen turned down, instead")
    one.add_argument("--in-state", metavar="STATE", choices=STATES, help=f"only posts that are {', '.join(STATES)}")
    kind = one.add_mutually_exclusive_group()
    kind.add_argument("--dry", dest="dry", action="store_true", default=None, help="only rehearsals")
    kind.add_argument("--live", dest="dry", action="store_false", default=None, help="no rehearsals")
    form = one.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="as CSV")
    form.add_argument("--json", action="store_true", help="one JSON object a line")


def _pause(one: argparse.ArgumentParser) -> None:
    end = one.add_mutually_exclusive_group()
    end.add_argument(
        "--for",
        dest="span",
        type=argument_types.duration,
        metavar="DURATION",
        help="2h, say; else until `mynah resume`",
    )
    end.add_argument(
        "--until", type=argument_types.moment, metavar="TIME", help="18:30, or 2026-12-24T18:30, in schedule.timezone"
    )


def _restore(one: argparse.ArgumentParser) -> None:
    one.add_argument("file", type=Path, metavar="FILE", help="what `mynah backup`, or the bot, has made")


def _resolve(one: argparse.ArgumentParser) -> None:
    one.add_argument("id", type=argument_types.count, help="its number in the history")
    one.add_argument("outcome", choices=("posted", "abandoned"))
    one.add_argument("--x-id", type=argument_types.digits, help="its number on X, where it was posted")


def _post(one: argparse.ArgumentParser) -> None:
    what = one.add_mutually_exclusive_group(required=True)
    what.add_argument("text", nargs="?", help="your own words")
    what.add_argument("--draft", action="store_true", help="what the model says")
    _mode(one)
    _json(one)


def _review(one: argparse.ArgumentParser) -> None:
    what = one.add_subparsers(dest="what", metavar="WHAT", help="without it, one draft after the other")
    _json(what.add_parser("list", help="the drafts that wait, the oldest first"))
    for name, help_ in (
        ("show", "all that is known of one"),
        ("approve", "yes: the bot that runs sends it"),
        ("reject", "no, for good; also takes back a yes that was not followed yet"),
        ("edit", "another text in its place, which still waits for a yes"),
    ):
        verdict = what.add_parser(name, help=help_)
        verdict.add_argument("id", type=argument_types.count, help="its number")
        _json(verdict)
        if name == "reject":
            verdict.add_argument("--because", metavar="WORDS", default="", help="why, for the history")
        if name == "edit":
            verdict.add_argument("--text", required=True, help="the new text")


def _delete(one: argparse.ArgumentParser) -> None:
    one.add_argument("id", type=argument_types.count, help="its number in the history")
    one.add_argument("--yes", action="store_true", help="do not ask")


def _spend(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--days", type=argument_types.count, default=31, metavar="N", help="how many, today among them (31)"
    )
    one.add_argument("--dry", action="store_true", help="what the rehearsals would have cost, instead")
    _json(one)


def _doctor(one: argparse.ArgumentParser) -> None:
    _mode(one, dry="look as for a rehearsal", live="look as for posting for real")
    depth = one.add_mutually_exclusive_group()
    depth.add_argument("--quick", action="store_true", help="as `run --live` looks: without the model and the network")
    depth.add_argument("--online", action="store_true", help="ask X too whose keys these are; it bills that as a read")
    one.add_argument("--confirm", action="store_true", help="say once that the account shows what it is")
    one.add_argument("--yes", action="store_true", help="with --confirm: do not ask")
    _json(one)


def _auth(one: argparse.ArgumentParser) -> None:
    one.add_argument("--check", action="store_true", help="only ask X whose keys these are; it bills that as a read")
    _json(one)


def _install_units(one: argparse.ArgumentParser) -> None:
    one.add_argument("--bot", metavar="NAME", help="also make this bot's folders and its configuration")
    one.add_argument("--gpu", action="store_true", help="with the drop-in for a machine with an NVIDIA GPU")
    one.add_argument("--force", action="store_true", help="also replace those that somebody has changed")
    one.add_argument("--dry-run", action="store_true", help="only say what would be done")
    one.add_argument("--prefix", type=Path, default=Path("/"), metavar="DIR", help="the root of another system (/)")


def _config(one: argparse.ArgumentParser) -> None:
    one.add_argument("--check", action="store_true", help="only say whether it is right")
    _json(one)


def _mode(
    one: argparse.ArgumentParser, *, dry: str = "only say what would be posted", live: str = "post for real"
) -> None:
    mode = one.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", dest="live", action="store_false", default=None, help=dry)
    mode.add_argument("--live", dest="live", action="store_true", default=None, help=live)


def _json(one: argparse.ArgumentParser) -> None:
    one.add_argument("--json", action="store_true", help="one JSON object a line")


def _nothing(_: argparse.ArgumentParser) -> None:
    pass


WORDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": ("live as the bot: train or load the model, then post as scheduled", _run),
    "import": ("take tweets into the library: an X archive, CSV, JSON or text", _import),
    "library": ("show whose tweets are there, and how many a model would learn from", _library),
    "forget": ("remove a person's tweets and mentions, and say which models have learnt from them", _forget),
    "retrain": ("make a new model from the tweets and take it into use", _retrain),
    "sample": ("show what the model would say, with verdicts and scores, the best first", _sample),
    "screen": ("say whether a text may go out, and why not", _screen),
    "evaluate": ("judge a model again, by tweets that it has not learnt", _evaluate),
    "models": ("list the versions of the model, how good they are, and which one is in use", _json),
    "promote": ("take a version into use, also while the daemon runs", _promote),
    "rollback": ("take the version that was in use before into use again", _nothing),
    "publish": ("upload a model to the hub, privately, after showing what goes up", _publish),
    "post": ("post something now, through the screen and all brakes", _post),
    "review": ("judge the drafts that wait for you: approve, edit, reject or skip each", _review),
    "delete": ("delete a post of ours from X", _delete),
    "block": ("never answer somebody", _block),
    "unblock": ("end a block", _unblock),
    "history": ("list what was said, the newest first", _history),
    "status": ("tell how the bot stands", _json),
    "spend": ("show what was paid for, by day and kind, and what is left of the caps", _spend),
    "auth": ("log in at X as the bot, and keep the keys", _auth),
    "doctor": ("check everything that going live needs, and say what to do", _doctor),
    "install-units": ("put systemd's units in place, and say what to do next", _install_units),
    "backup": ("copy the history and the library, checked, also while the bot runs", _nothing),
    "restore": ("put a backup in the place of the history or the library", _restore),
    "pause": ("let nothing go out, also while the daemon runs", _pause),
    "resume": ("end a pause", _nothing),
    "resolve": ("say what became of a post that may or may not exist", _resolve),
    "config": ("show the configuration in force, and where each value came from", _config),
}
