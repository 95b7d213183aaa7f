"""Checks requests and answers against X's OpenAPI file; without the file, nothing is checked.

A small reader of OpenAPI 3.0 with as much of JSON Schema as X's file uses. X renamed its fields in August 2026 and
still accepts the old names, so these are translated first.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_x.wire import Reply, Request

FILE = Path(__file__).parents[2] / ".." / "shared" / "data" / "x-openapi" / "openapi.json"
PARAMETERS = {"tweet.fields": "post.fields"}
NAMES = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "note_tweet": "note_post",
    "referenced_tweets": "referenced_posts",
    "referenced_tweets.id": "referenced_posts",
    "edit_history_tweet_ids.id": "edit_history_post_ids",
}
# The old names among the fields that the new ones list as expansions only.
OLD_FIELDS = {"author_id", "in_reply_to_user_id", "referenced_posts", "edit_history_post_ids"}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Spec:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "([^/]+)", path)), re.findall(r"\{(\w+)\}", path), operations)
            for path, operations in sorted(document["paths"].items(), key=lambda item: item[0].count("{"))
        ]

    def request_errors(self, request: Request) -> list[str]:
        """What is wrong with a request, according to X's file."""
        match = self._operation(request)
        if match is None:
            return [f"X has no {request.method} {request.path}"]
        operation, path_values = match
        parameters = {item["name"]: item for item in map(self._resolve, operation.get("parameters", []))}
        errors = [
            f"{name}: {problem}"
            for name, value in path_values.items()
            for problem in self._problems(unquote(value), parameters[name]["schema"])
        ]
        for key, value in parse_qsl(urlsplit(request.target).query, keep_blank_values=True):
            name = PARAMETERS.get(key, key)
            if name not in parameters:
                errors.append(f"{key}: no such parameter")
            else:
                errors += [
                    f"{key}: {item}" for item in self._parameter(value, parameters[name]["schema"], is_old=key != name)
                ]
        errors += [
            f"{name} is missing" for name in self._required(parameters) if name not in {**request.query, **path_values}
        ]
        if body := operation.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]
            errors += [f"body{problem}" for problem in self._problems(_read(request.body), schema)]
        return errors

    def reply_errors(self, request: Request, reply: Reply) -> list[str]:
        """What is wrong with a successful answer; X's file does not describe errors fully."""
        match = self._operation(request)
        answer = match[0]["responses"].get(str(reply.status)) if match else None
        if answer is None:
            return [f"X does not answer {reply.status} to {request.method} {request.path}"]
        schema = answer["content"]["application/json"]["schema"]
        return [f"answer{problem}" for problem in self._problems(_renamed(reply.body), schema)]

    def _operation(self, request: Request) -> tuple[dict[str, Any], dict[str, str]] | None:
        for pattern, names, operations in self._paths:
            match = pattern.fullmatch(request.path)
            if match and request.method.lower() in operations:
                return operations[request.method.lower()], dict(zip(names, match.groups(), strict=True))
        return None

    def _required(self, parameters: dict[str, dict[str, Any]]) -> list[str]:
        return [name for name, item in parameters.items() if item.get("required")]

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            target: Any = self._document
            for step in part["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            part = target
        return part

    def _parameter(self, text: str, schema: dict[str, Any], *, is_old: bool) -> list[str]:
        schema = self._resolve(schema)
        if schema.get("type") == "array":
            parts = [NAMES.get(part, part) for part in text.split(",")]
            return list(self._problems([p for p in parts if not (is_old and p in OLD_FIELDS)] or ["text"], schema))
        number = int(text) if schema.get("type") == "integer" and text.lstrip("-").isdecimal() else text
        return list(self._problems(number, schema))

    def _problems(self, value: Any, schema: dict[str, Any], at: str = "") -> Iterator[str]:
        schema = self._resolve(schema)
        if value is None and schema.get("nullable"):
            return
        if parts := schema.get("oneOf") or schema.get("anyOf"):
            if all(list(self._problems(value, part)) for part in parts):
                yield f"{at}: {value!r} matches none of {len(parts)} schemas"
            return
        kind = schema.get("type")
        if kind and (not isinstance(value, TYPES[kind]) or (kind != "boolean" and isinstance(value, bool))):
            yield f"{at}: {value!r} is not of type {kind}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: {value!r} is not one of {', '.join(map(str, schema['enum']))}"
        checks = {str: _string, int: _number, float: _number, list: self._list, dict: self._object}
        if check := checks.get(type(value)):
            yield from check(value, schema, at)

    def _list(self, value: list[Any], schema: dict[str, Any], at: str) -> Iterator[str]:
        if len(value) < schema.get("minItems", 0):
            yield f"{at}: too short"
        if schema.get("uniqueItems") and len({json.dumps(item, sort_keys=True) for item in value}) < len(value):
            yield f"{at}: the same twice"
        for number, item in enumerate(value):
            yield from self._problems(item, schema.get("items", {}), f"{at}[{number}]")

    def _object(self, value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{at}.{name} is missing"
        for name, item in value.items():
            if name in properties:
                yield from self._problems(item, properties[name], f"{at}.{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{at}.{name}: no such field"


def _number(value: float, schema: dict[str, Any], at: str) -> Iterator[str]:
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at}: {value} is not within its bounds"


def _string(value: str, schema: dict[str, Any], at: str) -> Iterator[str]:
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r} does not look like {schema['pattern']}"
    if len(value) < schema.get("minLength", 0):
        yield f"{at}: too short"
    if schema.get("format") == "date-time" and not MOMENT.fullmatch(value):
        yield f"{at}: {value!r} is not a date-time"


@cache
def spec() -> Spec | None:
    return Spec(json.loads(FILE.read_text(encoding="utf-8"))) if FILE.exists() else None


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _renamed(value: Any) -> Any:
    match value:
        case dict():
            return {NAMES.get(name, name): _renamed(item) for name, item in value.items()}
        case list():
            return [_renamed(item) for item in value]
        case str():
            return value.replace("https://api.twitter.com/2/problems/", "https://api.x.com/2/problems/")
    return value
