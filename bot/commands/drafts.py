"""`mynah sample` and `mynah screen`: what the model would say, and what may be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.shown import loaded, looked_at, show
from bot.errors import ModelError, MynahError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence


def sample(args: Namespace) -> int:
    from bot import build
    from bot.voice import promoted

    settings = loaded(args).settings
    folder, store = looked_at(settings)
    current = promoted(folder.models)
    if current is None:
        raise ModelError(f"there is no model in {folder.models} yet: `mynah retrain` makes one")
    voice = build.voice(current, settings)
    screen = build.screen(settings, store, voice.copied)
    rows = []
    author = args.author and args.author.removeprefix("@").lower()
    for draft in voice.draft(args.prompt, n=args.number, seed=args.seed, author=author):
        reasons = [reason.name for reason in screen.reasons(draft)]
        score = round(draft.likelihood, 3)
        rows.append({"text": draft.text, "score": score, "verdict": _verdict(reasons), "reasons": reasons})
    show(rows, ("verdict", "text", "score", "reasons"), args)
    return 0


def screen(args: Namespace) -> int:
    from bot import build
    from bot.tweets import Draft
    from bot.voice import open_memory, promoted

    settings = loaded(args).settings
    folder, store = looked_at(settings)
    chain = build.screen(settings, store, open_memory(promoted(folder.models)))
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
        return [line for line in args.file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise MynahError(f"{args.file}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from error


def _verdict(reasons: Sequence[str]) -> str:
    return "refuse" if reasons else "pass"
