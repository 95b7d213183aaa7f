"""`mynah sample` and `mynah screen`: drafts from the model, and what the screen says to a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands import arguments
from bot.commands.console.output import show
from bot.commands.opening import FAILED, history_to_read, loaded
from bot.errors import ModelError, MynahError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from bot.rounds.score import Score
    from bot.screen.chain import Screen
    from bot.values import Draft, Reason
    from training.profile.person import Person


def add_sample_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("prompt", nargs="?", default="", help='the beginning of each draft, such as "My dream is"')
    parser.add_argument(
        "-n", "--number", type=arguments.positive, default=10, help="the number of drafts (default: 10)"
    )
    parser.add_argument(
        "--seed", type=arguments.count, default=0, help="the same seed gives the same drafts (default: 0)"
    )
    parser.add_argument("--as", dest="author", metavar="@HANDLE", help="write as this author (needs training.tags)")
    arguments.add_json(parser)


def sample(args: Namespace) -> int:
    from bot.commands.console.progress import counting
    from bot.rounds.posting import last_said
    from bot.running import assembly
    from bot.voice.model_voice import promoted

    settings = loaded(args).settings
    folder, store = history_to_read(settings)
    current = promoted(folder.models)
    if current is None:
        raise ModelError(f"there is no model in {folder.models} yet: `mynah retrain` makes one")
    with counting("loading the model, and drafting"):
        voice = assembly.voice(current, settings)
        author = args.author and args.author.removeprefix("@").lower()
        drafts = voice.draft(args.prompt, n=args.number, seed=args.seed, author=author)
    screen = assembly.screen(settings, store, voice)
    last = last_said(store, dry=not settings.live) if store else []
    rows = [_row(*one) for one in judged(drafts, voice.person, screen, last)]
    if rows and rows[0]["verdict"] == "pass":
        rows[0]["chosen"] = True
    if not (args.json or args.csv):
        rows = [
            row | {"verdict": "chosen" if row["chosen"] else row["verdict"], "score": f"{row['score']:.2f}"}
            for row in rows
        ]
    show(rows, ("verdict", "score", "text", "reasons"), args, heading=2)
    return 0


def judged(
    drafts: Sequence[Draft], person: Person | None, screen: Screen, last: Sequence[str]
) -> list[tuple[Draft, Score, tuple[Reason, ...]]]:
    """Each draft with its score and the reasons against it: those that pass first, each kind with the best first."""
    from bot.rounds.score import ranked

    scored = [(draft, score, tuple(screen.reasons(draft))) for draft, score in ranked(drafts, person, last)]
    return sorted(scored, key=lambda row: bool(row[2]))


def _row(draft: Draft, score: Score, reasons: Sequence[Reason]) -> dict[str, Any]:
    names = [reason.name for reason in reasons]
    return {
        "text": draft.text,
        "verdict": _verdict(names),
        "chosen": False,
        "score": round(score.total, 3),
        "parts": {name: round(part, 3) for name, part in score.parts.items()},
        "likelihood": round(draft.likelihood, 3),
        "reasons": names,
    }


def add_screen_arguments(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("text", nargs="?", help="the text to check")
    source.add_argument("--file", type=Path, help="a file with one text per line")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a text is refused")
    arguments.add_json(parser)


def screen(args: Namespace) -> int:
    from bot.running import assembly
    from bot.values import Draft
    from bot.voice.model_voice import ModelMemory, promoted

    settings = loaded(args).settings
    folder, store = history_to_read(settings)
    chain = assembly.screen(settings, store, ModelMemory.open(promoted(folder.models)))
    rows = []
    for text in _texts(args):
        reasons = chain.reasons(Draft(text))
        names = [reason.name for reason in reasons]
        details = [reason.detail for reason in reasons]
        rows.append({"text": text, "verdict": _verdict(names), "reasons": names, "details": details})
    show(rows, ("verdict", "text", "reasons", "details"), args)
    return FAILED if args.check and any(row["reasons"] for row in rows) else 0


def _texts(args: Namespace) -> list[str]:
    if args.file is None:
        return [args.text]
    try:
        return [line for line in args.file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise MynahError(f"{args.file}: {why}; --file takes a file with one text per line") from error


def _verdict(reasons: Sequence[str]) -> str:
    return "refuse" if reasons else "pass"
