"""Which servers get the keys, and what is signed. No sockets are opened."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from bot.errors import ConfigError
from bot.x.signing import Keys, signer
from bot.x.twitter import X
from tests.fake_x import oauth

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEYS = Keys("consumer", "consumer secret", "token", "token secret")
SECRETS = oauth.Secrets("consumer", "consumer secret", "token secret")


def authorization_of(request: requests.PreparedRequest) -> str:
    value: str | bytes = request.headers["Authorization"]  # requests_oauthlib leaves bytes there
    return value.decode() if isinstance(value, bytes) else value


def test_the_example_in_the_documents_of_x_gets_their_signature() -> None:
    # Keys, request and signature come from X's documentation, "Creating a signature"; the keys are not valid.
    keys = Keys(
        "xvz1evFS4wEEPTGEFPHBog",
        "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
        "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
    )
    sign = signer(keys, nonce="kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", timestamp="1318622958")
    address = "https://api.x.com/1.1/statuses/update.json?include_entities=true"
    status = {"status": "Hello Ladies + Gentlemen, a signed OAuth request!"}

    request = requests.Request("POST", address, data=status, auth=sign).prepare()

    assert 'oauth_signature="Ls93hJiZbQ3akF3HF3x1Bz8%2FzU4%3D"' in authorization_of(request)


class RecordingAdapter(HTTPAdapter):
    """Records the requests instead of sending them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[requests.PreparedRequest] = []
        self.options: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.sent.append(request)
        self.options.append(kwargs)
        response = requests.Response()
        response.status_code = 201
        response.raw = urllib3.HTTPResponse(io.BytesIO(b'{"data":{"id":"7","text":"hello"}}'), preload_content=False)
        return response


@pytest.mark.parametrize("base_url", ["https://api.x.com", "https://api.twitter.com"])
def test_the_request_is_signed_with_its_own_address(base_url: str) -> None:
    recording = RecordingAdapter()
    with X(KEYS, now=lambda: NOW, base_url=base_url) as x:
        x._wire._session.mount(f"{base_url}/", recording)

        x.post("hello")

    [request], [options] = recording.sent, recording.options
    token, _ = oauth.signed_by("POST", str(request.url), authorization_of(request), "", {"token": SECRETS}.get)
    assert request.url == f"{base_url}/2/tweets"
    assert token == "token"
    assert options["timeout"] == (3.05, 30.0)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.x.com",
        "https://api.x.com.evil.example",
        "https://evil.example",
        "https://api.x.com@evil.example",
        "https://api.x.com:8443",
        "https://api.x.com/2",
        "https://api.x.com?a=b",
        "https://api.x.com#a",
        "http://10.0.0.1:8080",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1:port",
        "http://[::1",
        "ftp://127.0.0.1",
        "api.x.com",
        "x" * 30_000,
        "",
    ],
)
def test_keys_go_to_x_and_to_this_machine_only(base_url: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.base_url") as excinfo:
        X(KEYS, now=lambda: NOW, base_url=base_url)

    assert len(str(excinfo.value)) < 300


@pytest.mark.parametrize(
    "base_url",
    ["https://api.x.com", "https://api.x.com/", "http://localhost:1", "http://127.0.0.2:1", "http://[::1]:1"],
)
def test_x_and_this_machine_are_allowed(base_url: str) -> None:
    with X(KEYS, now=lambda: NOW, base_url=base_url) as x:
        assert list(x._wire._session.adapters) == [f"{base_url.rstrip('/')}/"]


def test_an_empty_key_is_named() -> None:
    with pytest.raises(ConfigError, match="consumer_secret, access_token_secret"):
        Keys("a", "", "c", "")
