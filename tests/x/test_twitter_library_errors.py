"""Every exception of the libraries below becomes one of our errors."""

from __future__ import annotations

import http.client
import inspect
import json
import socket
import ssl
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import tweepy.errors
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from bot.errors import TryLater, Unknown, XError
from bot.x.signing import Keys
from bot.x.twitter import X

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEYS = Keys("consumer", "consumer secret", "token", "token secret")
CLOSED_PORT = "http://127.0.0.1:1"
UNREACHABLE_ERRORS = (
    requests.ConnectTimeout,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
)


def library_errors() -> list[type[Exception]]:
    """Every exception class of these libraries, and those of the standard library that could come through."""
    modules = (tweepy.errors, requests.exceptions, urllib3.exceptions, http.client)
    classes = [member for module in modules for _, member in inspect.getmembers(module, inspect.isclass)]
    classes += [
        json.JSONDecodeError,
        ssl.SSLError,
        ssl.SSLCertVerificationError,
        socket.gaierror,
        TimeoutError,
        OSError,
    ]
    classes += [TimeoutError, OSError, ConnectionResetError, BrokenPipeError, UnicodeError]
    return sorted(
        {each for each in classes if issubclass(each, Exception) and not issubclass(each, Warning)},
        key=lambda each: f"{each.__module__}.{each.__qualname__}",
    )


class FailingAdapter(HTTPAdapter):
    """A transport that always fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        raise self._error


@pytest.mark.parametrize("library_error", library_errors(), ids=lambda each: f"{each.__module__}.{each.__qualname__}")
def test_no_exception_of_a_library_leaves_the_client(library_error: type[Exception]) -> None:
    error = library_error.__new__(library_error)  # their constructors differ; only the class matters
    with X(KEYS, now=lambda: NOW, base_url=CLOSED_PORT) as x:
        x._wire._session.mount(f"{CLOSED_PORT}/", FailingAdapter(error))

        with pytest.raises(XError) as excinfo:
            x.post("hello")

    assert type(excinfo.value) is (TryLater if issubclass(library_error, UNREACHABLE_ERRORS) else Unknown)
    assert excinfo.value.__cause__ is error


def test_the_exceptions_of_the_libraries_were_found() -> None:
    assert {tweepy.errors.TooManyRequests, requests.ReadTimeout, requests.JSONDecodeError} <= set(library_errors())
