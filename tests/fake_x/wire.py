"""A request to the fake X, its reply, and an error as a problem document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str  # path and query
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    base_url: str  # as the client named the server, since the client signed that

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any  # a str is sent as it is, anything else as JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class Problem(Exception):
    def __init__(self, status: int, title: str, detail: str, type_: str = "about:blank") -> None:
        super().__init__(detail)
        self.reply = Reply(status, {"title": title, "detail": detail, "type": type_, "status": status})
