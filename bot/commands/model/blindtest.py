"""`mynah blindtest`: a reader says of twenty texts whether the person or the bot wrote each."""

from __future__ import annotations

import random
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.commands import arguments
from bot.commands.console import terminal
from bot.commands.console.terminal import say
from bot.commands.library import archives, choices
from bot.commands.opening import loaded
from bot.errors import MynahError, training_errors
from bot.text.wrapping import wrapped

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from bot.clock import Clock
    from bot.config.settings import Settings
    from training.judge.blind_test import BlindTest

EACH = 10  # texts by the person, and as many by the bot
PERSON, BOT = "person", "bot"
KEYS = "[p]erson  [b]ot  [q]uit"
WIDTH, MARGIN = 72, 4  # columns to wrap a text to, and before it


class Text(NamedTuple):
    text: str
    author: str  # PERSON or BOT


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "version",
        nargs="?",
        default="current",
        metavar="VERSION",
        help="the version to test (default: the current one)",
    )
    parser.add_argument(
        "--seed", type=arguments.count, help="the same seed gives the same texts (default: others each time)"
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the result as a picture, a PNG, to share")
    parser.add_argument(
        "--json",
        action="store_true",
        help="for programs: print each text as a JSON object, and read a line for each, person or bot",
    )


def blindtest(args: Namespace) -> int:
    from bot.clock import SystemClock, stamp
    from bot.config.state_dir import StateDir
    from training.judge import blind_test
    from training.models import registry

    if not args.json and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise MynahError("a blind test needs a terminal; with --json, answers are read from standard input, one a line")
    settings, clock = loaded(args).settings, SystemClock()
    seed = int(clock.now().timestamp()) if args.seed is None else args.seed
    with training_errors():
        version = registry.find(StateDir(settings.state).models, args.version)
        blind_test.read(version)  # an unreadable file is an error now, and not after twenty answers
    texts = gather(version, settings, clock, seed=seed)
    answers = _read_answers(texts) if args.json else _ask(texts)
    if answers is None:
        say("nothing is kept: a result needs all the answers")
        return 0
    test = blind_test.BlindTest(
        at=stamp(clock.now()),
        seed=seed,
        texts=len(texts),
        right=sum(text.author == answer for text, answer in zip(texts, answers, strict=True)),
        posts=EACH,
        believed=sum((text.author, answer) == (BOT, PERSON) for text, answer in zip(texts, answers, strict=True)),
    )
    with training_errors():
        blind_test.keep(version, test)
    _show(version, test, texts, answers, args)
    if args.picture:
        with training_errors():
            args.picture.write_bytes(_picture(version, test, settings))
    return 0


def gather(version: Path, settings: Settings, clock: Clock, *, seed: int) -> list[Text]:
    """Ten texts of each kind in random order. Raises if there are too few."""
    from bot.commands.console.progress import counting
    from bot.running import preview

    order = random.Random(seed)
    own = _own(version, settings)
    if len(own) < EACH:
        raise MynahError(
            f"a blind test needs {EACH} held-out tweets that the screen would let the bot post, and there are "
            f"{len(own)}: import more tweets"
        )
    with counting("the bot writes its posts") as progress:
        posts = []
        for post in preview.posts(version, settings, clock, count=EACH, seed=seed):
            posts.append(post)
            progress(len(posts), EACH)
    if len(posts) < EACH:
        raise MynahError(
            f"{version.name} made {len(posts)} posts in {preview.ROUNDS * EACH} rounds, and {EACH} are needed: "
            "the screen refused the other drafts; `mynah sample` shows why"
        )
    texts = [*(Text(text, PERSON) for text in order.sample(own, EACH)), *(Text(text, BOT) for text in posts)]
    order.shuffle(texts)
    return texts


def _own(version: Path, settings: Settings) -> list[str]:
    """The held-out tweets that this version was not trained on, without those that could be no post of the bot.

    A link or a mention would give the person away, since the screen lets the bot post neither.
    """
    from bot.running import assembly
    from bot.values import Draft
    from bot.voice.model_voice import ModelMemory
    from training.corpus import corpus
    from training.profile.memory import Memory

    with training_errors():
        memory = Memory.open(version)
        held_out = corpus.build(archives(settings), choices(settings)).held_out
    screen = assembly.screen(settings, None, ModelMemory())
    fresh = (text.text for text in held_out if not memory.said(text.text))
    return [text for text in fresh if screen.why_not(Draft(text)) is None]


def _ask(texts: Sequence[Text]) -> list[str] | None:
    """One answer for each text; None if the reader quits."""
    from bot.commands.console import keyboard

    reader = keyboard.terminal()
    answers: list[str] = []
    while len(answers) < len(texts):
        number = len(answers)
        title = "\n".join(wrapped(f"text {number + 1} of {len(texts)}: by the person or by the bot?", terminal.width()))
        reader.show(f"{title}\n\n{textwrap.indent(_wrapped(texts[number].text), ' ' * MARGIN)}\n")
        key, _ = reader.choice(KEYS)
        if key in {"", "q"}:
            return None
        answers += {"p": [PERSON], "b": [BOT]}.get(key, [])  # any other key shows the text again
    return answers


def _read_answers(texts: Sequence[Text]) -> list[str]:
    from bot.commands.console import tables

    answers = []
    for number, text in enumerate(texts, start=1):
        print(tables.as_json({"number": number, "of": len(texts), "text": text.text}), flush=True)
        answer = sys.stdin.readline().strip()
        if answer not in {PERSON, BOT}:
            what = f"is {answer[:40]!r}" if answer else "is missing"
            raise MynahError(f"answer {number} of {len(texts)} {what}: each line says {PERSON} or {BOT}")
        answers.append(answer)
    return answers


def _show(version: Path, test: Any, texts: Sequence[Text], answers: Sequence[str], args: Namespace) -> None:
    from dataclasses import asdict

    from bot.commands.console import tables
    from training.judge.blind_test import interval, meaning

    low, high = interval(test.right, test.texts)
    verdict = meaning(test.right, test.texts)
    rows = [
        {"by": text.author, "answer": answer, "text": text.text} for text, answer in zip(texts, answers, strict=True)
    ]
    if args.json:
        about = {"version": version.name, **asdict(test), "interval": [round(low, 3), round(high, 3)]}
        print(tables.as_json(about | {"meaning": verdict, "answers": rows}))
        return
    terminal.put(
        tables.as_table(rows, ("by", "answer", "text"), width=terminal.width(), colour=terminal.has_colour(), heading=2)
    )
    say(
        f"{test.right} of {test.texts} answers are right ({test.right / test.texts:.0%}; 95 % interval {low:.0%} to "
        f"{high:.0%}), and {test.believed} of the bot's {test.posts} posts were taken for the person's.\n{verdict}"
    )


def _picture(version: Path, test: BlindTest, settings: Settings) -> bytes:
    from training.card import picture
    from training.card.publish import AVATAR
    from training.judge.blind_test import meaning
    from training.models.model_dir import read_manifest

    authors = read_manifest(version).authors
    faces = ((author, version / f"{AVATAR}{author}.jpg") for author in authors)
    return picture.blind_test_png(
        name=" & ".join(f"@{author}" for author in authors) or f"@{settings.bot}",
        handle=settings.bot,
        bot_word="AI BOT" if len(authors) < 2 else "AI CYBORG",
        people=[(author, face if face.is_file() else None) for author, face in faces],
        right=test.right,
        texts=test.texts,
        sentence=meaning(test.right, test.texts),
    )


def _wrapped(text: str) -> str:
    from bot.commands.console import tables

    columns = min(terminal.width() or WIDTH, WIDTH + MARGIN) - MARGIN
    return "\n".join(wrapped(tables.shown(text), columns))
