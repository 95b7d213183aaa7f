"""The templates, with filters for times and amounts. Whatever a template shows is made visible and escaped here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from markupsafe import Markup

from bot.clock import moment
from bot.text.visible import visible
from bot.web import words

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from jinja2.runtime import Context

FOLDER = Path(__file__).parent


@cache
def templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        when=_when, relative=_relative, span=words.span, dollars=words.dollars, counted=words.counted, number=_number
    )
    return environment


def _shown(value: Any) -> Any:
    """A text from anywhere without invisible characters. Jinja escapes what this returns, unless it is markup."""
    return visible(value) if type(value) is str else value


def _moment(value: datetime | str) -> datetime:
    return moment(value) if isinstance(value, str) else value


@pass_context
def _when(context: Context, value: datetime | str) -> Markup:
    """A time in the zone of the schedule. page.js shows it as the browser's locale has it."""
    then = _moment(value)
    text = words.local(then, context["zone"], context["now"])
    return Markup('<time class="at" datetime="{}" title="{}">{}</time>').format(
        then.isoformat(timespec="seconds"), f"{then.astimezone(context['zone']):%Y-%m-%d %H:%M:%S %Z}", text
    )


@pass_context
def _relative(context: Context, value: datetime | str) -> Markup:
    then = _moment(value)
    title = words.local(then, context["zone"], context["now"])
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        then.isoformat(timespec="seconds"), title, words.relative(then, context["now"])
    )


def _number(value: float | timedelta) -> str:
    return f"{value:,}"
