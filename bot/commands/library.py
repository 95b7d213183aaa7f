"""`mynah import` and `mynah library`, and which tweets a model is trained on."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands import arguments
from bot.commands.console.output import tweet_count
from bot.commands.console.terminal import hint, say
from bot.commands.import_from_x import import_from_x
from bot.commands.opening import library_to_read, library_to_write, loaded, read_configuration
from bot.errors import Busy, ConfigError, MynahError, training_errors
from bot.values import VERSION

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from bot.config.settings import Settings
    from training.corpus.corpus import Choices, FilterResult, Funnel
    from training.library.library import Library
    from training.library.values import Added, Author
    from training.sources.archive import Archive


def add_import_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="an X archive, CSV, JSON or text file")
    parser.add_argument("--as", dest="author", metavar="@HANDLE", help="the author, if a file does not name one")
    parser.add_argument("--drop-deleted", action="store_true", help="also drop tweets since deleted on X")
    parser.add_argument(
        "--from-api",
        metavar="@HANDLE",
        help="read the newest tweets of this account from X instead of a file; X charges for it",
    )
    parser.add_argument(
        "--limit",
        type=arguments.count,
        default=3_200,
        metavar="N",
        help="with --from-api: read at most N tweets (default: 3200)",
    )
    arguments.add_yes(parser, "with --from-api: do not ask for confirmation")
    arguments.add_json(parser)


def import_(args: Namespace) -> int:
    """Import all files or none: if one of them cannot be read, the library stays unchanged."""
    if bool(args.files) == bool(args.from_api):
        raise MynahError("say what to import: either files or --from-api @HANDLE")
    if args.from_api and (args.author or args.drop_deleted):
        raise MynahError("--as and --drop-deleted are for files, not for --from-api")
    if args.from_api:
        return import_from_x(args)
    from bot.clock import SystemClock
    from bot.commands.console.progress import reading
    from bot.config.state_dir import StateDir, expanded
    from training.sources import recognise

    read_configuration(args)  # a wrong one is an error now, and not after a minute of reading
    archives = []
    for file in args.files:  # before root becomes the owner of the state folder, who may not read root's files
        with training_errors(), reading(file) as report:
            archives.append((file, recognise.read(expanded(file), args.author, report)))
    folder = StateDir(loaded(args).settings.state)
    folder.make()
    now = SystemClock().now()
    imports = []
    with training_errors(), library_to_write(folder) as library, library.atomic():
        for file, archive in archives:
            added = library.add(archive, source=file.name, at=now, drop_missing=args.drop_deleted)
            imports.append((file, archive, added))
    for file, archive, added in imports:  # printed only after the transaction has committed
        if args.json:
            _print_json(added, file=str(file), kind=archive.kind, counted=archive.counted, notes=list(archive.notes))
        else:
            lines = [_headline(file, archive), _counts(archive, added), *_warnings(archive, added)]
            say("\n  ".join(lines))  # counting a big library takes a minute
    with suppress(ConfigError, Busy), training_errors(), library_to_write(folder) as library:
        for author in library.authors():  # what `mynah library` shows
            _counted_funnel(library, author, loaded(args).settings, may_write=True)
    if not args.json:
        hint("`mynah retrain` trains a model on these tweets; `mynah library` shows which of them")
    return 0


def add_library_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--rules", choices=("mynah", "huggingtweets"), help="filter by these rules instead of the configured ones"
    )
    parser.add_argument(
        "--show-dropped",
        type=arguments.count,
        default=0,
        metavar="N",
        help="show up to N dropped tweets for each rule",
    )
    arguments.add_json(parser)


def show_library(args: Namespace) -> int:
    from dataclasses import asdict

    from bot.config.state_dir import StateDir

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    with training_errors(), library_to_read(folder) as library:
        authors = library.authors() if library else []
        for author in authors:
            assert library is not None  # noqa: S101  an author comes from a library
            if not args.json:
                say("\n".join(_described(author)))  # counting a big library anew takes a minute
            if args.show_dropped:
                tweets = _filter(library.archive(author.handle), settings)
                funnel, examples = tweets.funnel, _examples(tweets, args.show_dropped)
            else:
                funnel, examples = _counted_funnel(library, author, settings), {}
            if args.json:
                _print_json(author, funnel=asdict(funnel), **({"examples": examples} if examples else {}))
            else:
                say("\n".join(_funnel_lines(funnel, settings, examples)))
    if not authors and not args.json:
        say("the library is empty: import an X archive, CSV, JSON or text file with `mynah import FILE`")
    elif not args.json:
        hint("`mynah retrain` trains a model on the tweets that are kept")
    return 0


def archives(settings: Settings) -> list[Archive]:
    """The tweets to train on, by author. Raises training's errors too."""
    from bot.config.state_dir import StateDir
    from training.sources import recognise
    from training.sources.sample import ARCHIVE, HANDLE

    with library_to_read(StateDir(settings.state)) as library:
        present = {author.handle for author in library.authors() if author.tweets} if library else set()
        names = settings.training.authors or tuple(sorted(present)) or (() if settings.live else (HANDLE,))
        if not names:
            raise ConfigError(  # restarting does not help
                "The library is empty, and a live bot does not use the sample account: `mynah import` tweets first."
            )
        if missing := ", ".join(f"@{name}" for name in names if name not in {*present, HANDLE}):
            raise ConfigError(f"training.authors: the library has no tweets by {missing}: `mynah import` them.")
        return [
            library.archive(name) if library and name in present else recognise.read(ARCHIVE)  # the sample account's
            for name in dict.fromkeys(names)
        ]


def choices(settings: Settings) -> Choices:
    """Which tweets a model is trained on, and in what form."""
    from bot.running import assembly
    from training.corpus.corpus import Choices

    training = settings.training
    return Choices(
        rules=training.rules,
        newlines=training.newlines,
        replies=training.replies,
        recency=training.recency or None,
        tags=training.tags,
        unspeakable=assembly.unspeakable(settings),
    )


def _headline(file: Path, archive: Archive) -> str:
    from training.card.markup import plain  # names and tweets may contain escape sequences for the terminal

    name = f" ({plain(archive.display_name)})" if archive.display_name != archive.author else ""
    return f"{file} ({archive.kind}): tweets by @{archive.spelling or archive.author}{name}"


def _counts(archive: Archive, added: Added) -> str:
    total = f"{added.found:,} found"
    if archive.counted and archive.entries == added.found:
        total += ", as its manifest says"
    elif archive.counted:  # edited tweets, and entries without a text
        total += f" in the {archive.entries:,} entries that its manifest lists"
    return f"{total}: {added.new:,} new, {added.updated:,} updated, {added.there:,} already there{_dates(added)}"


def _dates(tweets: Added | Author) -> str:
    return f"; {_day(tweets.first)} to {_day(tweets.last)}" if tweets.first else "; no dates"


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "?"


def _warnings(archive: Archive, added: Added) -> Iterator[str]:
    yield from archive.notes
    if added.dropped:
        yield f"Dropped, because they were deleted on X since: {added.dropped:,}."
    elif added.missing:
        yield (
            f"Missing from the newer archive, so probably deleted on X: {added.missing:,}; "
            "import again with --drop-deleted to drop them."
        )
    for other, count in added.relatives.items():
        yield (
            f"The library has {count:,} of these tweets by @{other} too: if the account was renamed, "
            f"run `mynah forget @{other}`."
        )


def _described(author: Author) -> Iterator[str]:
    from training.card.markup import plain

    name = f" ({plain(author.display_name)})" if author.display_name != author.handle else ""
    yield f"@{author.spelling or author.handle}{name}: {tweet_count(author.tweets)}{_dates(author)}"
    yield f"  kinds      {_counted(author.kinds)}"
    yield f"  languages  {_counted({lang or 'unknown': n for lang, n in author.languages.items()})}"
    for entry in author.imports:
        dropped = f", {entry.dropped:,} dropped" if entry.dropped else ""
        yield (
            f"  imported   {_day(entry.at)} {entry.source} ({entry.kind}): {entry.found:,} found, {entry.new:,} new, "
            f"{entry.updated:,} updated{dropped}"
        )


def _counted_funnel(library: Library, author: Author, settings: Settings, *, may_write: bool = False) -> Funnel:
    """As it was counted for the same tweets and the same settings, or else counted now, and kept for the next time."""
    from dataclasses import asdict

    from training.corpus.corpus import Funnel

    key, digest = f"funnel {settings.training.rules}", _digest(author, settings)
    noted = json.loads(library.noted(author.handle, key) or "{}")
    if noted.get("of") == digest:
        return Funnel(**noted["funnel"])
    funnel = _filter(library.archive(author.handle), settings).funnel
    if may_write:
        library.note(author.handle, key, json.dumps({"of": digest, "funnel": asdict(funnel)}))
    return funnel


def _digest(author: Author, settings: Settings) -> str:
    """Of everything that the counts depend on: the tweets, the program, and the settings with their files."""
    import hashlib

    from bot.screen import operator_lists

    screen, training = settings.screen, settings.training
    parts = [
        VERSION,
        [author.tweets, [repr(entry) for entry in author.imports]],
        [training.rules, training.newlines, training.replies, settings.posting.allow_vulgar],
        [*operator_lists.entries(screen), screen.deny_patterns],
    ]
    return hashlib.sha256(json.dumps(parts, default=list).encode()).hexdigest()


def _funnel_lines(funnel: Funnel, settings: Settings, examples: Mapping[str, Any]) -> Iterator[str]:
    from training.card.markup import plain

    yield f'  tweets to train on, by the rules "{settings.training.rules}"'
    yield f"    {funnel.downloaded:>9,}  downloaded"
    for rule, count in funnel.dropped.items():
        yield f"    {-count:>9,}  {rule.replace('_', ' ')}"
        for example in examples.get(rule, ()):
            note = f"  ({plain(example['note'])})" if example["note"] else ""
            yield f"               {plain(example['text'])}{note}"
    yield f"    {funnel.kept:>9,}  kept"


def _examples(tweets: FilterResult, most: int) -> dict[str, Any]:
    return {
        rule: [{"text": tweet.tweet.text, "note": tweet.note} for tweet in dropped[:most]]
        for rule, dropped in tweets.dropped.items()
    }


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _filter(archive: Archive, settings: Settings) -> FilterResult:
    from bot.commands.console.progress import counting
    from training.corpus.corpus import filter_tweets

    with counting(f"filtering the tweets by @{archive.spelling or archive.author}") as progress:
        return filter_tweets(archive.author, archive.tweets, choices(settings), progress)


def _print_json(value: Added | Author, **more: Any) -> None:
    from dataclasses import asdict

    from bot.commands.console import tables

    print(tables.as_json(asdict(value) | more))
