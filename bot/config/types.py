"""What a value in config.toml may be, each with the sentence that refuses another. It reads nothing."""

from __future__ import annotations

from collections import Counter
from datetime import time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from bot.text import durations, patterns

LONGEST_PROMPT = 120  # bytes: as many tokens at most, and the smallest model reads 160


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; they look like Europe/Lisbon") from None
    return name


def _handle(name: str, most: int = 15) -> str:
    bare = name.removeprefix("@")
    if not bare.replace("_", "").isalnum() or not bare.isascii() or len(bare) > most:
        raise ValueError(f"{name!r} is no handle; they are up to {most} letters, digits and _")
    return bare


def _author(name: str) -> str:
    return _handle(name, most=20).lower()  # some old accounts have handles of 20; the library writes all in lower case


def _prompts(said: object) -> object:
    """A list is a table too: what is there twice comes twice as often."""
    if said in ([], (), {}):
        raise ValueError("is empty; voice.mix = { prompts = 0 } is how to do without")
    if isinstance(said, list | tuple) and all(isinstance(one, str) for one in said):
        return dict(Counter(said))
    if not isinstance(said, dict):
        raise ValueError('is a list of beginnings, ["Today"], or a table with their weights, { "Today" = 1 }')  # noqa: TRY004
    return said


def fits(prompt: str) -> bool:
    return len(prompt.encode("utf-8", "replace")) <= LONGEST_PROMPT


def _prompt(prompt: str) -> str:
    if not fits(prompt):
        raise ValueError(f"{prompt[:40]!r}… is longer than {LONGEST_PROMPT} bytes")
    return prompt


def _path(path: Path) -> Path:
    if not path.parts or "\0" in str(path):
        raise ValueError("is no path; leave it out for the default")
    return path


def _on_the_wall(moment: time) -> time:
    if moment.tzinfo:
        raise ValueError('a time of day looks like "09:00"; its zone is schedule.timezone')
    return moment


def _pattern(pattern: str) -> str:
    patterns.compiled(pattern)
    return pattern


def listen_address(listen: str) -> tuple[str, int] | Path | None:
    """HOST:PORT of this machine itself, or the path of a Unix socket; None for nowhere."""
    if not listen:
        return None
    if listen.startswith("/"):
        return Path(listen)
    host, _, port = listen.rpartition(":")
    try:
        at = ip_address(host.strip("[]").replace("localhost", "127.0.0.1"))
    except ValueError:
        at = None
    if at is None or not at.is_loopback or not port.isascii() or not port.isdigit() or not 0 <= int(port) < 65_536:
        raise ValueError(f'{listen!r} is no place on this machine alone; they look like "127.0.0.1:9464" or "/run/…"')
    return str(at), int(port)


def _listen(place: str) -> str:
    listen_address(place)
    return place


Duration = Annotated[timedelta, BeforeValidator(durations.parsed)]
Dollars = Annotated[float, Field(ge=0, le=100_000)]
Share = Annotated[float, Field(gt=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=1)]
Handle = Annotated[str, AfterValidator(_handle)]
Author = Annotated[str, AfterValidator(_author)]
Folder = Annotated[Path, AfterValidator(_path)]
TimeOfDay = Annotated[time, AfterValidator(_on_the_wall)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Weight = Annotated[float, Field(ge=0, le=1_000)]
Prompt = Annotated[str, AfterValidator(_prompt)]
Prompts = Annotated[dict[Prompt, Annotated[float, Field(gt=0, le=1_000)]], BeforeValidator(_prompts)]
Zone = Annotated[str, AfterValidator(_zone)]
Listen = Annotated[str, AfterValidator(_listen)]
