from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.text.autolink import links, top_level_domains

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "twitter-text"
CONFORMANCE = pytest.mark.skipif(not DATA.exists(), reason="twitter-text's conformance cases are not on this machine")


def links_in(text: str) -> list[str]:
    return [text[start:end] for start, end in links(text)]


def cases_in(name: str) -> Any:
    return yaml.load((DATA / name).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["tests"]


@CONFORMANCE
@pytest.mark.parametrize("kind", ["country", "generic"])
def test_every_top_level_domain_of_x_makes_a_link(kind: str) -> None:
    cases = cases_in("tlds.yml")[kind]

    failures = [case["text"] for case in cases if links_in(case["text"]) != case["expected"]]

    assert failures == []


@CONFORMANCE
def test_our_list_has_the_top_level_domains_of_x() -> None:
    cases = [case for kind in cases_in("tlds.yml").values() for case in kind]

    assert sorted(top_level_domains()) == sorted(case["text"].rpartition(".")[2] for case in cases)


@CONFORMANCE
def test_every_bare_name_of_the_conformance_cases_is_one_link() -> None:
    texts = [case["text"] for case in cases_in("validate.yml")["urls_without_protocol"]]

    assert [links_in(text) for text in texts] == [[text] for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.com/a_(b)?c=d#e.", ["https://example.com/a_(b)?c=d#e"]),
        ("example.com/wiki/a_(b_(c)_d), and so on", ["example.com/wiki/a_(b_(c)_d)"]),
        ("(example.com)", ["example.com"]),
        ("EXAMPLE.COM", ["EXAMPLE.COM"]),
        ("shop.example.co.uk:8080/x", ["shop.example.co.uk:8080/x"]),
        ("example.com?a=b", ["example.com"]),
        ("example.com日本", ["example.com"]),
        ("日本.example.com", ["example.com"]),
        ("“quoted”.example.com", ["example.com"]),
        ("The end.So it goes", ["end.So"]),
        ("3.am", ["3.am"]),
        ("a.example and b.com", ["b.com"]),
        ("http://пример.рф", ["http://пример.рф"]),
        ("https://t.co/abc123/more", ["https://t.co/abc123"]),
        ("foo.bar.com.zz", ["foo.bar.com"]),
    ],
)
def test_links_are_the_same_as_on_x(text: str, expected: list[str]) -> None:
    assert links_in(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "7.42",
        "e.g. this",
        "wait...what",
        "wait...so",
        "no.Yes",
        "U.S.A.",
        "one. two. three.",
        "somebody@example.com",
        "$example.com",
        "#example.com",
        "example.comet",
        "a_b.com",
        "-example.com",
        "ftp://example.com",
        "http://-example.com",
        "http://192.168.0.1",
        "пример.рф",
        f"{'a' * 64}.com",
        "",
    ],
)
def test_a_text_that_x_would_not_link_has_no_links(text: str) -> None:
    assert links_in(text) == []


@pytest.mark.parametrize("part", ["a.", "é.", "http://", "http://a.com/(", "http://a.com?!", "a-", "a_"])
def test_a_hostile_text_does_not_slow_the_search_down(part: str) -> None:
    # 0.2 s each; a pattern that backtracks would take more than a day.
    assert links_in(part * 20_000 + " example.com")[-1] == "example.com"
