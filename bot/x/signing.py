"""OAuth 1.0a: four secrets, and every request signed with them, address included. Alone imports requests_oauthlib.

It knows no network.
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
    """The four secrets of a user context, and one way to say who we are; bearer.py is the other."""

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
        """What must not show."""
        return tuple(getattr(self, each.name) for each in fields(self))

    def sign(self, _: Wire) -> OAuth1:
        return signer(self)

    def distrust(self) -> None:
        """They do not grow old: whether one 401 is an outage or the end, only a person can find out."""


def signer(keys: Keys, **fixed: str) -> OAuth1:
    """Sign prepared requests; `fixed` (nonce, timestamp) is for comparing with known signatures."""
    return OAuth1(keys.consumer_key, keys.consumer_secret, keys.access_token, keys.access_token_secret, **fixed)


def app(consumer_key: str, consumer_secret: str) -> OAuth1:
    """As the app alone, to ask for a PIN."""
    return OAuth1(consumer_key, consumer_secret, callback_uri="oob")


def verified(consumer_key: str, consumer_secret: str, token: str, secret: str, pin: str) -> OAuth1:
    """As the app with the PIN that a person was shown."""
    return OAuth1(consumer_key, consumer_secret, token, secret, verifier=pin)
