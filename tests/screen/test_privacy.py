from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.screen import privacy

PII = Path(__file__).parents[2] / ".." / "shared" / "data" / "text-hazards" / "pii" / "presidio-generated_small.json"
TYPES = {"PHONE_NUMBER", "CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "US_SSN", "IP_ADDRESS"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("write to somebody@example.com", "email"),
        ("write to somebody at example dot com", "email"),
        ("write to some.body [at] example [dot] co [dot] uk", "email"),
        ("call (212) 555-0147 now", "phone"),
        ("call +44 20 7946 0958", "phone"),
        ("ring 0151 496 0123", "phone"),
        ("my card is 4111 1111 1111 1111", "card"),
        ("pay to GB82 WEST 1234 5698 7654 32", "iban"),
        ("number 078-05-1120", "social_security"),
        ("the server is 192.0.2.17", "ip"),
        ("the server is 2001:db8::8a2e:370:7334", "ip"),
        ("I live at 12 Old Station Road", "street"),
        ("Hauptstraße 12", "street"),
        ("password: hunter22", "key"),
        ("my password is swordfish", "key"),
        ("pay to gb82 west 1234 5698 7654 32 please", "iban"),
        ("call 01.84.17.61.18", "phone"),
        ("call 212•555•0142", "phone"),
        ("my card is 4111.1111.1111.1111", "card"),
        ("i live at 12 baker street, come round", "street"),
        ("send it to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "wallet"),
        ("send it to bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "wallet"),
        ("send it to 0x52908400098527886E0F7030069857D2E4169EE7", "wallet"),
        ("find me at 48.85841, 2.29448", "coordinates"),
        ("find me at 48°51'24\"N 2°17'40\"E", "coordinates"),
        ("AKIAIOSFODNN7EXAMPLE", "key"),
        ("\uff11\uff19\uff12.0.2.17", "ip"),
    ],
)
def test_private_data_is_refused_with_its_kind(text: str, reason: str) -> None:
    refusal = privacy.why_not(text)

    assert refusal is not None
    assert refusal.name == reason


@pytest.mark.parametrize(
    "text",
    [
        "The 7.42 left at 7:43:10.",
        "The album of December 2010 (9/16 on my list).",
        "The Prime Minister spoke outside 10 Downing Street.",
        "The password is wrong again.",
        "From 24.12.2010 18:30 to 01.01.2011.",
        "We met 12 busy street musicians.",
        "From 1914-1918 to 2026-11-21, and on 12/27/1986.",
        "It cost $1,250,000 in 2019.",
        "We counted 10,000,000 crumbs.",
        "Meet me at noon. Then we eat.",
        "I am at home dot dot dot",
        "Score: 3-2, 4-4 and 10-9.",
        "Version 3.11.9 is out.",
        "1 2 3 4 5 6 and so on",
        "Platform 4, the road to nowhere.",
        "thanks @somebody.",
        "with @somebody pic.twitter.com",
    ],
)
def test_plain_numbers_and_words_pass(text: str) -> None:
    assert privacy.why_not(text) is None


@pytest.mark.skipif(not PII.exists(), reason="../shared/data is not here")
def test_every_number_and_address_of_a_synthetic_set_is_found() -> None:
    cases = json.loads(PII.read_text(encoding="utf-8"))

    failures = [
        case["full_text"]
        for case in cases
        if TYPES & {span["entity_type"] for span in case["spans"]} and privacy.why_not(case["full_text"]) is None
    ]

    assert failures == []
