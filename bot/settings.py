"""The shape of config.toml: every key, its type, its bounds and its default. It reads nothing."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot import durations

PREFIX = "MYNAH_"
SECRETS = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")


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


def _path(path: Path) -> Path:
    if not path.parts or "\0" in str(path):
        raise ValueError("is no path; leave it out for the default")
    return path


def _on_the_wall(moment: time) -> time:
    if moment.tzinfo:
        raise ValueError('a time of day looks like "09:00"; its zone is schedule.timezone')
    return moment


Duration = Annotated[timedelta, BeforeValidator(durations.parsed)]
Dollars = Annotated[float, Field(ge=0, le=100_000)]
Share = Annotated[float, Field(gt=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=1)]
Handle = Annotated[str, AfterValidator(_handle)]
Author = Annotated[str, AfterValidator(_author)]
Folder = Annotated[Path, AfterValidator(_path)]
TimeOfDay = Annotated[time, AfterValidator(_on_the_wall)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class X(Section):
    base_url: str = "https://api.x.com"
    keys: Folder | None = None
    consumer_key: SecretStr | None = None
    consumer_secret: SecretStr | None = None
    access_token: SecretStr | None = None
    access_token_secret: SecretStr | None = None


class Voice(Section):
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    threads: int = Field(1, ge=0, le=256)
    temperature: float = Field(1.0, gt=0, le=3)
    top_p: Share = 0.95
    max_tokens: int = Field(96, ge=8, le=1024)
    candidates: int = Field(8, ge=1, le=256)
    tries: int = Field(3, ge=1, le=20)
    prompts: tuple[str, ...] = Field(("", "", "My dream is", "Today"), min_length=1)


class Training(Section):
    authors: tuple[Author, ...] = ()
    rules: Literal["mynah", "huggingtweets"] = "mynah"
    newlines: bool = False
    replies: bool = True
    recency: Duration = timedelta(0)
    tags: bool = False
    base_model: str = Field("tiny", min_length=1)
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    seed: int = Field(0, ge=0, lt=2**32)
    method: Literal["full", "lora"] = "full"
    keep: int = Field(3, ge=1, le=1000)


class Tracking(Section):
    wandb: bool = False
    project: str = Field("mynah", min_length=1, max_length=128)
    entity: str = ""
    offline: bool = False
    share_tweets: bool = False


class Gate(Section):
    beat_base: bool = True
    bits_over_current: Rate = 0.02
    copied_over_author: Rate = 0.05
    exact_most: Rate = 0.05
    unfinished_most: Rate = 0.2
    distinct_least: Rate = 0.5
    told_apart_most: Rate = 0.99


class Schedule(Section):
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    active_from: TimeOfDay = time(9)
    active_to: TimeOfDay = time(22)
    posts_per_day: int = Field(6, ge=1, le=96)
    jitter: Duration = timedelta(minutes=20)
    grace: Annotated[Duration, Field(ge=timedelta(minutes=1))] = timedelta(minutes=10)  # a few heartbeats
    catch_up: Literal["skip", "one"] = "skip"


class Posting(Section):
    min_gap: Duration = timedelta(minutes=20)
    max_per_hour: int = Field(2, ge=1)
    max_per_day: int = Field(12, ge=1)
    max_hashtags: int = Field(2, ge=0)
    allow_links: bool = False
    allow_vulgar: bool = False


class Budget(Section):
    price_post: Dollars = 0.015
    price_post_with_link: Dollars = 0.200
    price_read: Dollars = 0.005
    price_read_account: Dollars = 0.010
    price_read_own: Dollars = 0.001
    price_delete: Dollars = 0.010
    per_day: Dollars = 0.50
    per_month: Dollars = 5.00


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Settings(BaseSettings):
    """The whole configuration, validated."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, env_prefix=PREFIX, env_nested_delimiter="__"
    )

    bot: Handle = "stationmynahbot"
    live: bool = False
    state: Folder = Path("~/.local/state/mynah")
    x: X = X()
    voice: Voice = Voice()
    training: Training = Training()
    gate: Gate = Gate()
    tracking: Tracking = Tracking()
    schedule: Schedule = Schedule()
    posting: Posting = Posting()
    budget: Budget = Budget()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the library's signature
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: it reads each source itself, to know where every value came from."""
        return (init_settings,)
