"""`mynah sample` and `mynah screen`: what the model would say, and what may be said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.commands.opening import loaded, looked_at, show
from bot.errors import ModelError, MynahError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from bot.rounds.score import Score
    from bot.values import Draft, Reason


def sample(args: Namespace) -> int:
    from bot.rounds.posting import last_said
    from bot.rounds.score import ranked
    from bot.running import assembly
    from bot.voice.model_voice import promoted

    settings = loaded(args).settings
    folder, store = looked_at(settings)
    current = promoted(folder.models)
    if current is None:
        raise ModelError(f"there is no model in {folder.models} yet: `mynah retrain` makes one")
    voice = assembly.voice(current, settings)
    screen = assembly.screen(settings, store, voice)
    author = args.author and args.author.removeprefix("@").lower()
    drafts = voice.draft(args.prompt, n=args.number, seed=args.seed, author=author)
    last = last_said(store, dry=not settings.live) if store else []
    scored = [(draft, score, screen.reasons(draft)) for draft, score in ranked(drafts, voice.person, last)]
    rows = [_row(*one) for one in sorted(scored, key=lambda one: bool(one[2]))]  # those that may go out first
    if rows and rows[0]["verdict"] == "pass":
        rows[0]["chosen"] = True
    if not (args.json or args.csv):
        rows = [
            row | {"verdict": "chosen" if row["chosen"] else row["verdict"], "score": f"{row['score']:.2f}"}
            for row in rows
        ]
    show(rows, ("verdict", "score", "text", "reasons"), args)
    return 0


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


def screen(args: Namespace) -> int:
    from bot.running import assembly
    from bot.values import Draft
    from bot.voice.model_voice import ModelMemory, promoted

    settings = loaded(args).settings
    folder, store = looked_at(settings)
    chain = assembly.screen(settings, store, ModelMemory.open(promoted(folder.models)))
    rows = []
    for text in _texts(args):
        reasons = chain.reasons(Draft(text))
        names = [reason.name for reason in reasons]
        details = [reason.detail for reason in reasons]
        rows.append({"text": text, "verdict": _verdict(names), "reasons": names, "details": details})
    show(rows, ("verdict", "text", "reasons", "details"), args)
    return 0


def _texts(args: Namespace) -> list[str]:
    if args.file is None:
        return [args.text]
    try:
        return [line for line in args.file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise MynahError(f"{args.file}: {why}; --file wants a text a line") from error


def _verdict(reasons: Sequence[str]) -> str:
    return "refuse" if reasons else "pass"
