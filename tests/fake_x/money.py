"""What X would bill, and what is left of the credits. Prices are X's of August 2026, in millionths of a dollar.

It is written from X's price list, independently of our ledger: tests compare the two.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date, datetime

    from tests.fake_x.wire import Reply, Request

CREATE, CREATE_WITH_LINK, CREATE_SUMMONED = 15_000, 200_000, 10_000
READ, READ_OWN, READ_USER, DELETE = 5_000, 1_000, 10_000, 10_000
# The links that X bills.
LINK = re.compile(r"https?://\S|(?<![@\w.])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|co|de|uk)\b", re.IGNORECASE)
PAGE = re.compile(r"/2/users/(\d+)/(?:tweets|mentions)")


@dataclass(frozen=True, slots=True)
class Charge:
    at: datetime
    kind: str
    about: str
    price: int


@dataclass
class Bank:
    """Bills reads of one object on one UTC day once, and failures and empty answers never."""

    credits: int | None = None  # None: unlimited
    charges: list[Charge] = field(default_factory=list)
    reads: set[tuple[date, str]] = field(default_factory=set)

    @property
    def billed(self) -> int:
        return sum(charge.price for charge in self.charges)

    def covers(self, request: Request, user_id: str) -> bool:
        """Whether the credits cover the lowest price of the request."""
        lowest = min((price for _, _, price in self._prices(request, user_id, None)), default=0)
        return self.credits is None or self.billed + lowest <= self.credits

    def bill(self, request: Request, user_id: str, reply: Reply, at: datetime) -> None:
        if reply.status >= 300:
            return
        for kind, about, price in self._prices(request, user_id, reply.body):
            is_read = kind.startswith("read")
            if not is_read or (at.date(), about) not in self.reads:
                self.charges.append(Charge(at, kind, about, price))
            self.reads.add((at.date(), about))

    def _prices(self, request: Request, user_id: str, body: Any) -> list[tuple[str, str, int]]:
        """(kind, object, price); without an answer yet, for one object."""
        data = body.get("data") if isinstance(body, dict) else {"id": ""} if body is None else None
        if not data:
            return []
        if request.method == "POST":
            return [self._price_of_create(request, data["id"])]
        if request.method == "DELETE":
            return [("delete", request.path, DELETE)]
        if page := PAGE.fullmatch(request.path):
            posts = data if isinstance(data, list) else [data]
            price = READ_OWN if page[1] == user_id else READ
            return [("read", f"post {post['id']}", price) for post in posts]
        return [("read user", f"user {data['id']}", READ_USER)]

    def _price_of_create(self, request: Request, post_id: str) -> tuple[str, str, int]:
        try:
            body = json.loads(request.body)
        except ValueError:
            body = {}
        if not isinstance(body, dict) or LINK.search(str(body.get("text"))):
            return "create with link", post_id, CREATE_WITH_LINK
        if body.get("reply"):
            return "summoned reply", post_id, CREATE_SUMMONED
        return "create", post_id, CREATE
