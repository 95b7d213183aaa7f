"""Authentication by OAuth 1.0a: each request, with its address, is signed with four secrets.

The only file that imports requests_oauthlib.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from requests_oauthlib import OAuth1

from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.x.wire import Wire


@dataclass(frozen=True, slots=True)
class Keys:
    """The four secrets of a user; the alternative is bearer.py."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_token_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if missing := [each.name for each in fields(self) if not getattr(self, each.name)]:
            raise ConfigError(
                f"X needs four keys, and these are empty: {', '.join(missing)}; `mynah auth` asks for them"
            )

    @property
    def hide(self) -> tuple[str, ...]:
        """Secrets that must not appear in messages."""
        return tuple(getattr(self, each.name) for each in fields(self))

    def sign(self, _: Wire) -> OAuth1:
        return signer(self)

    def distrust(self) -> None:
        """Nothing to do: keys do not expire, and only a person can find out whether a 401 is an outage of X."""


def signer(keys: Keys, **fixed: str) -> OAuth1:
    """Signs prepared requests; tests set `fixed` (nonce, timestamp) to compare with known signatures."""
    return OAuth1(keys.consumer_key, keys.consumer_secret, keys.access_token, keys.access_token_secret, **fixed)


def app(consumer_key: str, consumer_secret: str) -> OAuth1:
    """Signs as the app, to ask for a PIN."""
    return OAuth1(consumer_key, consumer_secret, callback_uri="oob")


def verified(consumer_key: str, consumer_secret: str, token: str, secret: str, pin: str) -> OAuth1:
    """Signs as the app, with the PIN that a person was shown."""
    return OAuth1(consumer_key, consumer_secret, token, secret, verifier=pin)
