"""`mynah import`, `mynah library`, `mynah forget`: the person's tweets, and what a training is given of them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bot.commands.import_from_x import import_from_x
from bot.commands.opening import agreed, loaded, open_library, tweets
from bot.errors import ConfigError, MynahError, training_errors

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from training.corpus.corpus import Choices, FilterResult
    from training.library.library import Library
    from training.library.values import Added, Author
    from training.sources.archive import Archive


def import_(args: Namespace) -> int:
    """All files or none: a second one that cannot be read leaves the library as it was."""
    if bool(args.files) == bool(args.from_api):
        raise MynahError("say what to import: either files, or --from-api and an account")
    if args.from_api and (args.author or args.drop_deleted):
        raise MynahError("--as and --drop-deleted are for files: X says whose tweets it gives, and not what is gone")
    if args.from_api:
        return import_from_x(args)
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir, expanded
    from training.sources import recognise

    folder = StateDir(loaded(args).settings.state)
    folder.make()
    now = SystemClock().now()
    said = []
    with training_errors(), open_library(folder) as library, library.atomic():
        for file in args.files:
            with _reading(file) as report:
                archive = recognise.read(expanded(file), args.author, report)
            added = library.add(archive, source=file.name, at=now, drop_missing=args.drop_deleted)
            said.append((file, archive, added))
    for file, archive, added in said:  # not before it is true
        if args.json:
            _print_json(added, file=str(file), kind=archive.kind, counted=archive.counted, notes=list(archive.notes))
        else:
            print("\n  ".join([_headline(file, archive), _counts(archive, added), *_warnings(archive, added)]))
    return 0


def show_library(args: Namespace) -> int:
    from dataclasses import asdict

    from bot.config.state_dir import StateDir

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    with training_errors(), _looked_at(folder) as library:
        authors = library.authors() if library else []
        for author in authors:
            assert library is not None  # noqa: S101  it has authors
            if not args.json:
                print("\n".join(_described(author)), flush=True)  # a big library is sifted for half a minute
            sifted = _sifted(library.archive(author.handle), settings)
            if args.json:
                _print_json(author, funnel=asdict(sifted.funnel), **_examples(sifted, args.show_dropped))
            else:
                print("\n".join(_funnelled(sifted, settings, args.show_dropped)))
    if not authors and not args.json:
        print("the library is empty: `mynah import FILE` takes in an X archive, CSV, JSON or text")
    return 0


def forget(args: Namespace) -> int:
    from bot.config.state_dir import StateDir
    from bot.history import backup
    from bot.running import assembly

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    with training_errors(), open_library(folder, create=False) as library:
        author = library.archive(args.author)  # or the sentence that there is no such person
        if not args.yes and not agreed(f"Remove {tweets(len(author.tweets))} of @{author.author}?"):
            print("nothing was removed")
            return 0
        count = library.forget(author.author)
    copies = backup.with_author((assembly.backups(settings, folder).folder, folder.root), author.author)
    for path in copies:
        path.unlink()
    print(f"removed {tweets(count)} of @{author.author}; the archives that they came from are yours to keep or delete")
    if copies:
        print(f"removed {len(copies)} backup{'s' if len(copies) > 1 else ''} of the library that held them too")
    learnt = list(_learnt_from(author.author, folder.models))
    for name, used in learnt:
        print(f"model {name} has learnt from them{' and is in use' if used else ''}: {folder.models / name}")
    if learnt:
        print("a model cannot unlearn: make one without them with `mynah retrain`, and delete these folders")
    else:
        print(f"no model in {folder.models} has learnt from them")
    return 0


def archives(settings: Settings) -> list[Archive]:
    """What a training learns from, which calls it when it is ready; raises the errors of training too."""
    from bot.config.state_dir import StateDir
    from training.sources import recognise
    from training.sources.sample import ARCHIVE, HANDLE

    with _looked_at(StateDir(settings.state)) as library:
        there = {author.handle for author in library.authors() if author.tweets} if library else set()
        wanted = settings.training.authors or tuple(sorted(there)) or (() if settings.live else (HANDLE,))
        if not wanted:
            raise ConfigError(  # which to start again does not mend
                "The library is empty, and a live bot is not for the sample account: `mynah import` tweets first."
            )
        if strangers := [f"@{name}" for name in wanted if name not in {*there, HANDLE}]:
            names = ", ".join(strangers)
            raise ConfigError(f"training.authors: the library has no tweets of {names}: `mynah import` them.")
        return [
            library.archive(name) if library and name in there else recognise.read(ARCHIVE)  # the sample account's
            for name in dict.fromkeys(wanted)
        ]


def choices(settings: Settings) -> Choices:
    """Which tweets are learnt, and how."""
    from bot.running import assembly
    from training.corpus.corpus import Choices

    wanted = settings.training
    return Choices(
        rules=wanted.rules,
        newlines=wanted.newlines,
        replies=wanted.replies,
        recency=wanted.recency or None,
        tags=wanted.tags,
        unspeakable=assembly.unspeakable(settings),
    )


@contextmanager
def _looked_at(folder: StateDir) -> Iterator[Library | None]:
    """To read, if there is one."""
    from training.library.library import Library

    if not folder.library.exists():
        yield None
        return
    with Library.open(folder.library, read_only=True) as library:
        yield library


@contextmanager
def _reading(file: Path) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; a small file is gone before it shows."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(30), DownloadColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(f"reading {file.name}".replace("[", r"\["), total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def _headline(file: Path, archive: Archive) -> str:
    from training.card.markup import plain  # names and tweets are strangers' words: nothing in them may move the cursor

    name = f" ({plain(archive.display_name)})" if archive.display_name != archive.author else ""
    return f"{file} ({archive.kind}): tweets of @{archive.author}{name}"


def _counts(archive: Archive, added: Added) -> str:
    found = f"{added.found:,} found" + (", as many as its manifest says" if archive.counted else "")
    return f"{found}: {added.new:,} new, {added.updated:,} updated, {added.there:,} already there{_span(added)}"


def _span(what: Added | Author) -> str:
    return f"; {_day(what.first)} to {_day(what.last)}" if what.first else "; without dates"


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "?"


def _warnings(archive: Archive, added: Added) -> Iterator[str]:
    yield from archive.notes
    if added.dropped:
        yield f"Deleted on X since, and dropped: {added.dropped:,}."
    elif added.missing:
        yield (
            f"Missing in the newer of two archives, so probably deleted on X: {added.missing:,}; "
            "import again with --drop-deleted to drop them."
        )
    for other, count in added.relatives.items():
        yield (
            f"@{other} in the library has {count:,} of these tweets too: if the account was renamed, "
            f"`mynah forget @{other}`."
        )


def _described(author: Author) -> Iterator[str]:
    from training.card.markup import plain

    name = f" ({plain(author.display_name)})" if author.display_name != author.handle else ""
    yield f"@{author.handle}{name}: {tweets(author.tweets)}{_span(author)}"
    yield f"  kinds      {_listed(author.kinds)}"
    yield f"  languages  {_listed({lang or 'not said': n for lang, n in author.languages.items()})}"
    for one in author.imports:
        dropped = f", {one.dropped:,} dropped" if one.dropped else ""
        yield (
            f"  imported   {_day(one.at)} {one.source} ({one.kind}): {one.found:,} found, {one.new:,} new, "
            f"{one.updated:,} updated{dropped}"
        )


def _funnelled(sifted: FilterResult, settings: Settings, examples: int) -> Iterator[str]:
    from training.card.markup import plain

    funnel = sifted.funnel
    yield f'  the funnel, by the rules "{settings.training.rules}"'
    yield f"    {funnel.downloaded:>9,}  downloaded"
    for rule, count in funnel.dropped.items():
        yield f"    {-count:>9,}  {rule.replace('_', ' ')}"
        for example in _examples(sifted, examples).get("examples", {}).get(rule, ()):
            because = f"  ({plain(example['note'])})" if example["note"] else ""
            yield f"               {plain(example['text'])}{because}"
    yield f"    {funnel.kept:>9,}  kept"


def _examples(sifted: FilterResult, most: int) -> dict[str, Any]:
    if not most:
        return {}
    return {
        "examples": {
            rule: [{"text": one.tweet.text, "note": one.note} for one in dropped[:most]]
            for rule, dropped in sifted.dropped.items()
        }
    }


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what} {count:,}" for what, count in counts.items()) or "none"


def _sifted(archive: Archive, settings: Settings) -> FilterResult:
    from training.corpus.corpus import filter_tweets

    return filter_tweets(archive.author, archive.tweets, choices(settings))


def _learnt_from(author: str, models: Path) -> Iterator[tuple[str, bool]]:
    """The versions whose manifest names the author, and whether each is in use."""
    from training import errors
    from training.models import registry
    from training.models.model_dir import MANIFEST, read_manifest

    for path in sorted(models.glob(f"*/{MANIFEST}")):
        version = path.parent
        if version.is_symlink():
            continue
        try:
            said = read_manifest(version).authors
            in_use = registry.current(models)
        except errors.ModelError:
            continue
        if author in said:
            yield version.name, in_use is not None and in_use.name == version.name


def _print_json(value: Added | Author, **more: Any) -> None:
    from dataclasses import asdict

    from bot.commands.console import tables

    print(tables.as_json(asdict(value) | more))
