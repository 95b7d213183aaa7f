"""`mynah models`, `promote`, `rollback`, `evaluate` and `publish`: the versions of the model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bot.commands import arguments
from bot.commands.console.keyboard import confirm
from bot.commands.console.output import show
from bot.commands.console.terminal import hint, say, warn
from bot.commands.library import archives, choices
from bot.commands.opening import loaded
from bot.errors import training_errors

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bot.config.settings import Settings
    from training.card.publish import Upload
    from training.judge.gate import Gate
    from training.models.registry import Version

COLUMNS = ("version", "status", "base", "authors", "bits", "likeness", "copied", "AUC", "blind", "MB")


def models(args: Namespace) -> int:
    from training.models import registry

    settings = loaded(args).settings
    if args.json:
        show(all_versions(settings), (), args)
        return 0
    folder = _models(settings)
    with training_errors():
        earlier = registry.before(folder)[-1:]
        versions = registry.versions(folder)
    why = {version.name: _why_not(version.folder, gate(settings)) for version in versions}
    rows = [_as_row(version, earlier=version.name in earlier) for version in versions]
    show(rows, COLUMNS, args, empty="no model yet: `mynah retrain` makes one")
    for version in versions:
        for sentence in [version.damage] if version.damage else why[version.name]:
            say(f"{version.name}: {sentence}")
    if any(row["blind"] for row in rows):
        say("blind: right answers in `mynah blindtest`, of all; half of them is guessing")
    return 0


def all_versions(settings: Settings) -> list[dict[str, Any]]:
    """The versions, the oldest first, as `mynah models --json` prints them."""
    from training.models import registry

    folder = _models(settings)
    with training_errors():
        earlier = registry.before(folder)[-1:]
        versions = registry.versions(folder)
    return [
        _as_object(version, _why_not(version.folder, gate(settings)), earlier=version.name in earlier)
        for version in versions
    ]


def add_promote_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("version", metavar="VERSION", help="the name of the version, or the beginning of its name")


def promote(args: Namespace) -> int:
    """Promote a version even if it fails the gate: a person may overrule it, so its objections are only printed."""
    from training.models import registry

    settings = loaded(args).settings
    folder = _models(settings)
    with training_errors():
        registry.find(folder, args.version)  # before a folder is created for the lock
        with registry.hold(folder):
            version = registry.find(folder, args.version)
            registry.promote(version)
    for sentence in _why_not(version, gate(settings)):
        warn(sentence)
    say(f"{version.name} is now in use; a running bot switches to it before its next post")
    hint("`mynah sample` shows drafts from it, `mynah rollback` goes back")
    return 0


def rollback(args: Namespace) -> int:
    from training.models import registry

    folder = _models(loaded(args).settings)
    with training_errors():
        registry.find(folder, registry.CURRENT)
        with registry.hold(folder):
            version = registry.rollback(folder)
    say(f"{version.name} is in use again; a running bot switches to it before its next post")
    hint("`mynah sample` shows drafts from it, `mynah models` lists all versions")
    return 0


def add_evaluate_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "version",
        nargs="?",
        default="current",
        metavar="VERSION",
        help="the version to evaluate (default: the current one)",
    )
    parser.add_argument(
        "-n", "--number", type=arguments.positive, default=1_000, help="the number of texts to generate (default: 1000)"
    )
    parser.add_argument(
        "--seed", type=arguments.count, default=0, help="the same seed gives the same figures (default: 0)"
    )
    arguments.add_json(parser)


def evaluate(args: Namespace) -> int:
    from dataclasses import asdict

    from bot.commands.console.progress import counting
    from bot.running.chooser import chooser
    from bot.text.length import weighted_length
    from training.corpus import corpus
    from training.judge import report as judgement
    from training.judge.evaluate import judge_again
    from training.judge.gate import why_not
    from training.models import registry
    from training.speak.types import Sampling

    settings = loaded(args).settings
    folder = _models(settings)
    with training_errors():
        version = registry.find(folder, args.version)
        with counting("filtering the tweets") as progress:
            texts = corpus.build(archives(settings), choices(settings), progress)
        say(f"{version.name} generates {args.number:,} texts; this takes a while", stream=sys.stderr)
    with training_errors(), counting("generating texts") as progress:
        report = judge_again(
            version,
            _in_use(folder),
            texts,
            device=settings.training.device,
            seed=args.seed,
            samples=args.number,
            length=weighted_length,
            sampling=Sampling(settings.voice.temperature, settings.voice.top_p, settings.voice.max_tokens),
            choose=chooser(settings),
            progress=progress,
        )
    reasons = why_not(report, gate(settings))
    if args.json:
        show([{"version": version.name, **asdict(report), "why_not": reasons}], (), args)
        return 0
    show([row._asdict() for row in judgement.explained(report)], judgement.Row._fields, args)
    say("\n".join(reasons) if reasons else "It passes the gate.")
    return 0


def add_publish_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("repo", metavar="REPO", help="the repository on the Hugging Face Hub, such as you/my-bird")
    parser.add_argument(
        "--version", metavar="VERSION", default="current", help="the version to upload (default: the current one)"
    )
    parser.add_argument("--public", action="store_true", help="make the repository public (default: private)")
    parser.add_argument(
        "--consent", metavar="TEXT", default="", help="how you know that the person agrees, for the model card"
    )
    arguments.add_yes(parser)


def publish(args: Namespace) -> int:
    from training.card import publish as hub
    from training.models import loading, registry

    token = hub.stored_token()
    folder = _models(loaded(args).settings)
    with training_errors(), loading.as_whole(registry.find(folder, args.version)) as version:
        upload = hub.parcel(version, args.repo, private=not args.public, consent=args.consent)
        _show_upload(upload)
        if not args.yes and not confirm("Does the person agree, and should this be uploaded?"):
            say("nothing was uploaded")
            return 0
        say(hub.send(upload, progress=sys.stderr.isatty(), token=token))
    return 0


def _show_upload(upload: Upload) -> None:
    authors = ", ".join(f"@{author}" for author in sorted(upload.manifest.authors)) or "unknown authors"
    visibility = "private (only you and people you add)" if upload.private else "public (everyone)"
    say(f"model       {upload.folder.name}")
    say(f"repository  {upload.repo}")
    say(f"visibility  {visibility}")
    say(f"trained on  tweets by {authors}")
    for name, size in upload.files.items():
        say(f"{size:>13,}  {name}")
    say(f"{sum(upload.files.values()):>13,}  bytes in total")


def _in_use(models: Path) -> Path | None:
    """Return the version in use. None also if its folder is missing: other versions can still be evaluated."""
    from training import errors
    from training.models import registry

    try:
        return registry.current(models)
    except errors.ModelError:
        return None


def gate(settings: Settings) -> Gate:
    from training.judge.gate import Gate

    return Gate(**settings.gate.model_dump())


def _models(settings: Settings) -> Path:
    from bot.config.state_dir import StateDir

    return StateDir(settings.state).models


def _why_not(folder: Path, gate: Gate) -> Sequence[str]:
    from training import errors
    from training.judge import report as judgement
    from training.judge.gate import why_not

    try:
        report = judgement.read(folder)
    except errors.ModelError as error:
        return [str(error)]
    return why_not(report, gate) if report else ["It was never evaluated: run `mynah evaluate`."]


def _as_object(version: Version, why_not: Sequence[str], *, earlier: bool) -> dict[str, Any]:
    manifest = version.manifest
    return {
        "version": version.name,
        "in_use": version.in_use,
        "in_use_before": earlier,
        "created": manifest.created if manifest else None,
        "base_model": manifest.base_model if manifest else None,
        "authors": list(manifest.authors) if manifest else [],
        "figures": dict(manifest.figures) if manifest else {},
        "bytes": version.bytes,
        "blind_test": _blind_test(version.folder),
        "damage": version.damage,
        "why_not": list(why_not),
    }


def _blind_test(folder: Path) -> dict[str, Any] | None:
    """The answers of all readers together; None if nobody was asked, or the file is unreadable."""
    from training import errors
    from training.judge import blind_test

    try:
        tests = blind_test.read(folder)
    except errors.ModelError:  # `mynah blindtest` says what is wrong
        return None
    right, texts = blind_test.total(tests)
    return {"right": right, "texts": texts, "interval": blind_test.interval(right, texts)} if tests else None


def _as_row(version: Version, *, earlier: bool) -> dict[str, Any]:
    manifest = version.manifest
    figures = manifest.figures if manifest else {}
    blind = _blind_test(version.folder)
    return {
        "version": version.name,
        "status": "in use" if version.in_use else "damaged" if version.damage else "previous" if earlier else "",
        "base": manifest.base_model if manifest else "",
        "authors": " ".join(f"@{author}" for author in manifest.authors) if manifest else "",
        "bits": f"{figures['bits_per_character']:.3f}" if "bits_per_character" in figures else "",
        "likeness": f"{figures['likeness']:.2f}" if "likeness" in figures else "",
        "copied": f"{figures['copied']:.1%}" if "copied" in figures else "",
        "AUC": _auc(figures),
        "blind": f"{blind['right']}/{blind['texts']}" if blind else "",
        "MB": f"{version.bytes / 1e6:.1f}",
    }


def _auc(figures: Mapping[str, float]) -> str:
    """The detector's AUC, and in brackets that of the author's own older tweets, which is the best to hope for."""
    if "told_apart" not in figures:
        return ""
    own = f" ({figures['told_apart_author']:.2f})" if "told_apart_author" in figures else ""
    return f"{figures['told_apart']:.2f}{own}"
