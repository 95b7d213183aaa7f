"""The types of values in config.toml, each with the message for a wrong value."""

from __future__ import annotations

import re
from collections import Counter
from datetime import time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from bot.text import durations, patterns

TARGET = re.compile(
    r"(?:(?P<name>[A-Za-z][\w-]{0,29})\s*=\s*)?(?P<url>(?P<kind>[A-Za-z][A-Za-z0-9+.-]{0,29})://\S+)", re.ASCII
)
MOST_TARGETS = 20
WEB_URL = re.compile(r"https?://(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[\w.~%/-]*)?", re.ASCII)
LONGEST_PROMPT = 120  # bytes, so at most as many tokens; the smallest model has a context of 160


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone: use one such as Europe/Lisbon") from None
    return name


def _handle(name: str, most: int = 15) -> str:
    bare = name.removeprefix("@")
    if not bare.replace("_", "").isalnum() or not bare.isascii() or len(bare) > most:
        raise ValueError(f"{name!r} is not a handle: use up to {most} letters, digits and _")
    return bare


def _author(name: str) -> str:
    return _handle(name, most=20).lower()  # some old handles have 20; the library stores them in lower case


def _prompts(value: object) -> object:
    """A list becomes a table of weights: a prompt that is listed twice has weight 2."""
    if isinstance(value, list | tuple) and all(isinstance(prompt, str) for prompt in value):
        return dict(Counter(value))
    if not isinstance(value, dict):
        raise ValueError('must be a list of prompts, ["Today"], or a table of weights, { "Today" = 1 }')  # noqa: TRY004
    return value


def fits(prompt: str) -> bool:
    return len(prompt.encode("utf-8", "replace")) <= LONGEST_PROMPT


def _prompt(prompt: str) -> str:
    if not fits(prompt):
        raise ValueError(f"{prompt[:40]!r}… is longer than {LONGEST_PROMPT} bytes")
    return prompt


def _path(path: Path) -> Path:
    if not path.parts or "\0" in str(path):
        raise ValueError("is not a path; leave it out for the default")
    return path


def _without_zone(time_of_day: time) -> time:
    if time_of_day.tzinfo:
        raise ValueError('must be like "09:00", without a time zone; schedule.timezone sets the zone')
    return time_of_day


def _pattern(pattern: str) -> str:
    patterns.matcher(pattern)
    return pattern


def listen_address(listen: str, *, remote: bool = False) -> tuple[str, int] | Path | None:
    """A loopback HOST:PORT or the path of a Unix socket; None for an empty value. `remote` allows any HOST."""
    if not listen:
        return None
    if listen.startswith("/"):
        return Path(listen)
    host, _, port = listen.rpartition(":")
    try:
        address = ip_address(host.strip("[]").replace("localhost", "127.0.0.1"))
    except ValueError:
        address = None
    is_port = port.isascii() and port.isdigit() and int(port) < 65_536
    if address is None or not (address.is_loopback or remote) or not is_port:
        raise ValueError(f'{listen!r} is not a loopback address or a socket: use "127.0.0.1:9464" or "/run/…"')
    return str(address), int(port)


def _listen(listen: str) -> str:
    listen_address(listen)
    return listen


def _host_name(name: str) -> str:
    """A name without scheme and path; a port is not compared."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", name):
        raise ValueError(f"{name!r} is not the name of a host: use one such as mynah.example.org, without https://")
    return name.lower()


def _header_name(name: str) -> str:
    if name and not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise ValueError(f"{name!r} is not the name of a header: use one such as X-Remote-User")
    return name.lower()


def notify_targets(text: str) -> dict[str, str]:
    """The URL of each target by its name: `NAME=URL` or a URL a line. The messages never quote a line."""
    targets: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = TARGET.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"line {number} is not NAME=URL, with a URL such as ntfys://ntfy.sh/TOPIC")
        kind = match["kind"].lower()
        names = (kind, *(f"{kind}-{count}" for count in range(2, MOST_TARGETS + 2)))
        name = match["name"] or next(name for name in names if name not in targets)
        if name in targets:
            raise ValueError(f"line {number} has the name of an earlier line: {name}")
        targets[name] = match["url"]
        if len(targets) > MOST_TARGETS:
            raise ValueError(f"has more than {MOST_TARGETS} targets")
    return targets


def _targets(secret: SecretStr) -> SecretStr:
    notify_targets(secret.get_secret_value())
    return secret


def _web_url(url: str) -> str:
    """Only scheme, host, port and path: it is sent through other people's servers, so it must hold no secret."""
    if url and not WEB_URL.fullmatch(url):
        raise ValueError("is not the address of a page, such as https://mynah.example.org")
    return url.rstrip("/")


Duration = Annotated[timedelta, BeforeValidator(durations.parsed)]
Dollars = Annotated[float, Field(ge=0, le=100_000)]
Share = Annotated[float, Field(gt=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=1)]
Handle = Annotated[str, AfterValidator(_handle)]
Author = Annotated[str, AfterValidator(_author)]
Folder = Annotated[Path, AfterValidator(_path)]
TimeOfDay = Annotated[time, AfterValidator(_without_zone)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Weight = Annotated[float, Field(ge=0, le=1_000)]
Prompt = Annotated[str, AfterValidator(_prompt)]
Prompts = Annotated[dict[Prompt, Annotated[float, Field(gt=0, le=1_000)]], BeforeValidator(_prompts)]
Zone = Annotated[str, AfterValidator(_zone)]
Listen = Annotated[str, AfterValidator(_listen)]
HostName = Annotated[str, AfterValidator(_host_name)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
Targets = Annotated[SecretStr, AfterValidator(_targets)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
