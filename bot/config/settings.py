"""The schema of config.toml: every key with its type, bounds and default."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.config.types import (
    Author,
    Dollars,
    Duration,
    Folder,
    Handle,
    HeaderName,
    HostName,
    Listen,
    Pattern,
    Prompts,
    Rate,
    Share,
    Targets,
    TimeOfDay,
    WebUrl,
    Weight,
    Zone,
    notify_targets,
)

PREFIX = "MYNAH_"
MAX_COUNT = 1_000_000  # TOML allows integers that no database and no timer can hold
KEYS = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")  # of OAuth 1.0a
SECRETS = (*KEYS, "client_id", "client_secret")  # the last two are the app's, for OAuth 2.0
SECRET_FILES = {**{name: f"x.{name}" for name in SECRETS}, "notify_targets": "notify.targets"}  # file -> key


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class X(Section):
    base_url: str = "https://api.x.com"
    auth: Literal["oauth1", "oauth2"] = "oauth1"
    redirect: str = "http://127.0.0.1:8765/"
    keys: Folder | None = None
    consumer_key: SecretStr | None = None
    consumer_secret: SecretStr | None = None
    access_token: SecretStr | None = None
    access_token_secret: SecretStr | None = None
    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None


class Mix(Section):
    none: Weight = 2
    prompts: Weight = 1
    openers: Weight = 2
    topics: Weight = 2


class Voice(Section):
    engine: Literal["auto", "torch", "light"] = "auto"
    keep_loaded: bool = True
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    threads: int = Field(1, ge=0, le=256)
    temperature: float = Field(0.7, gt=0, le=3)  # measured: docs/speaking.md
    top_p: Share = 0.95
    max_tokens: int = Field(96, ge=8, le=1024)
    candidates: int = Field(16, ge=1, le=256)
    tries: int = Field(3, ge=1, le=20)
    prompts: Prompts = {}
    topics: Folder | None = None
    mix: Mix = Mix()


class Training(Section):
    authors: tuple[Author, ...] = ()
    rules: Literal["mynah", "huggingtweets"] = "mynah"
    newlines: bool = False
    replies: bool = True
    recency: Duration = timedelta(0)
    tags: bool = False
    base_model: str = Field("auto", min_length=1)
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    seed: int = Field(0, ge=0, lt=2**32)
    method: Literal["auto", "full", "lora"] = "auto"
    save: Literal["merged", "adapter"] = "merged"
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
    likeness_least: Rate = 0.1


class Schedule(Section):
    timezone: Zone = "UTC"
    active_from: TimeOfDay = time(9)
    active_to: TimeOfDay = time(22)
    posts_per_day: int = Field(6, ge=1, le=96)
    jitter: Duration = timedelta(minutes=20)
    grace: Annotated[Duration, Field(ge=timedelta(minutes=1))] = timedelta(minutes=10)  # a few heartbeats
    catch_up: Literal["skip", "one"] = "skip"


class Posting(Section):
    min_gap: Duration = timedelta(minutes=20)
    max_per_hour: int = Field(2, ge=1, le=MAX_COUNT)
    max_per_day: int = Field(12, ge=1, le=MAX_COUNT)
    max_hashtags: int = Field(2, ge=0, le=MAX_COUNT)
    allow_links: bool = False
    allow_vulgar: bool = False


class ScreenLists(Section):
    deny: tuple[str, ...] = ()
    deny_file: Folder | None = None
    deny_patterns: tuple[Pattern, ...] = ()
    allow: tuple[str, ...] = ()
    allow_file: Folder | None = None
    language: bool = True
    toxicity: bool = True
    classifier: Folder | None = None
    classifier_labels: tuple[str, ...] = ()
    classifier_threshold: Share = 0.5

    @model_validator(mode="after")
    def _labels_are_named(self) -> Self:
        if self.classifier and not self.classifier_labels:
            raise ValueError("classifier_labels: is empty; name the labels of the classifier that refuse a draft")
        return self


class Replies(Section):
    enabled: bool = False
    approved_by_x: bool = False
    listen: bool = False
    poll: Annotated[Duration, Field(ge=timedelta(seconds=15))] = timedelta(minutes=5)
    max_age: Annotated[Duration, Field(ge=timedelta(minutes=1), le=timedelta(days=1))] = timedelta(hours=6)
    per_user_per_day: int = Field(3, ge=1, le=MAX_COUNT)
    per_conversation_per_day: int = Field(2, ge=1, le=MAX_COUNT)
    per_conversation: int = Field(4, ge=1, le=MAX_COUNT)
    per_day: int = Field(20, ge=1, le=MAX_COUNT)
    budget_share: Share = 0.5
    opt_out: tuple[str, ...] = ()
    known_bots: tuple[Author, ...] = ("grok", "threadreaderapp", "unrollhelper", "remindme_ofthis", "savetonotion")

    @property
    def are_on(self) -> bool:
        """Whether replies are sent. That takes two settings, because X must approve generated replies first."""
        return self.enabled and self.approved_by_x

    def standing(self, *, live: bool) -> str:
        """`on`, or `off` with the reason."""
        missing = [name for name in ("enabled", "approved_by_x") if not getattr(self, name)]
        if missing:
            return f"off: {' and '.join(f'replies.{name}' for name in missing)} not set"
        return f"on{', listening' if self.listen else ''}" if live else "off: a dry run answers nobody"


class Review(Section):
    expires: Annotated[Duration, Field(ge=timedelta(minutes=1))] = timedelta(days=1)
    most: int = Field(12, ge=1, le=1000)


class Budget(Section):
    price_post: Dollars = 0.015
    price_post_with_link: Dollars = 0.200
    price_reply: Dollars = 0.010
    price_read: Dollars = 0.005
    price_read_account: Dollars = 0.010
    price_read_own: Dollars = 0.001
    price_read_mention: Dollars = 0.001
    price_delete: Dollars = 0.010
    per_day: Dollars = 0.50
    per_month: Dollars = 5.00


class Backup(Section):
    every: Duration = timedelta(days=1)
    keep: int = Field(7, ge=1, le=1000)
    folder: Folder | None = None


class Metrics(Section):
    listen: Listen = ""


class Notify(Section):
    targets: Targets | None = None
    tell: tuple[Literal["draft", "alert", "digest"], ...] = ("draft", "alert", "digest")
    digest_at: TimeOfDay = time(20)
    quiet_from: TimeOfDay = time(22)
    quiet_to: TimeOfDay = time(8)
    max_per_day: int = Field(12, ge=1, le=1000)
    texts: bool = True

    @model_validator(mode="after")
    def _digest_is_not_in_quiet_hours(self) -> Self:
        if self.is_quiet(self.digest_at):
            raise ValueError(
                f"digest_at: {self.digest_at:%H:%M} is within quiet_from and quiet_to; choose another time"
            )
        return self

    def is_quiet(self, local: time) -> bool:
        start, end = self.quiet_from, self.quiet_to
        return start <= local < end if start <= end else local >= start or local < end

    def urls(self) -> dict[str, str]:
        """The URLs by the targets' names. They hold passwords and keys."""
        return notify_targets(self.targets.get_secret_value()) if self.targets else {}


class Web(Section):
    listen: Listen = "127.0.0.1:8766"
    hosts: tuple[HostName, ...] = ()
    user_header: HeaderName = ""
    users: tuple[str, ...] = ()
    url: WebUrl = ""

    @property
    def address(self) -> str:
        """Where people reach the page; empty if only this machine does."""
        return self.url or (f"https://{self.hosts[0]}" if self.hosts else "")


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
    mode: Literal["auto", "review"] = "auto"
    state: Folder = Path("~/.local/state/mynah")
    x: X = X()
    voice: Voice = Voice()
    training: Training = Training()
    gate: Gate = Gate()
    tracking: Tracking = Tracking()
    schedule: Schedule = Schedule()
    posting: Posting = Posting()
    screen: ScreenLists = ScreenLists()
    replies: Replies = Replies()
    review: Review = Review()
    budget: Budget = Budget()
    backup: Backup = Backup()
    metrics: Metrics = Metrics()
    notify: Notify = Notify()
    web: Web = Web()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the library's signature
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the values that `load` passes in; it reads the sources itself to know the origin of each value."""
        return (init_settings,)
