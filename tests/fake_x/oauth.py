"""Verifies OAuth 1.0a signatures (RFC 5849), written without any OAuth library.

Keys in, the access token of a valid signature out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PARAMETER = re.compile(r'\s*([^=,\s]+)="([^"]*)"\s*')


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of one access token."""

    consumer_key: str
    consumer_secret: str
    token_secret: str


class BadSignature(Exception):
    """Why the signature is not valid."""


def signed_by(
    method: str, url: str, authorization: str, form: str, secrets_of: Callable[[str], Secrets | None]
) -> tuple[str, str]:
    """The access token that signed the request, and the nonce, which must be new; `form` is a urlencoded body."""
    oauth = parameters(authorization)
    token = oauth.get("oauth_token", "")
    secrets = secrets_of(token)
    if secrets is None or oauth.get("oauth_consumer_key") != secrets.consumer_key:
        raise BadSignature("unknown consumer key or access token")
    if oauth.get("oauth_signature_method") != "HMAC-SHA1" or oauth.get("oauth_version", "1.0") != "1.0":
        raise BadSignature("not HMAC-SHA1 of OAuth 1.0")
    if not oauth.get("oauth_nonce") or not oauth.get("oauth_timestamp", "").isdecimal():
        raise BadSignature("no nonce or timestamp")
    actual = oauth.pop("oauth_signature", "")
    pairs = [*oauth.items(), *_pairs(urlsplit(url).query), *_pairs(form)]
    if not hmac.compare_digest(actual.encode(), signature(method, url, pairs, secrets).encode()):
        raise BadSignature("the signature does not fit the request")
    return token, oauth["oauth_nonce"]


def signature(method: str, url: str, pairs: Iterable[tuple[str, str]], secrets: Secrets) -> str:
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc}{parts.path}"
    encoded = sorted((_escape(name), _escape(value)) for name, value in pairs)
    parameters = "&".join(f"{name}={value}" for name, value in encoded)
    base = "&".join(map(_escape, (method.upper(), address, parameters)))
    key = f"{_escape(secrets.consumer_secret)}&{_escape(secrets.token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()


def parameters(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    if scheme.casefold() != "oauth":
        raise BadSignature("no OAuth 1.0a header")
    values = {unquote(name): unquote(value) for name, value in PARAMETER.findall(rest)}
    values.pop("realm", None)
    return values


def _pairs(encoded: str) -> list[tuple[str, str]]:
    return parse_qsl(encoded, keep_blank_values=True)


def _escape(text: str) -> str:
    return quote(text, safe="-._~")
