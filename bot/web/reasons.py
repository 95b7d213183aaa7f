"""The screen's reasons as sentences about a draft; docs/operating.md explains them at length."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.values import Reason

SENTENCES = {
    "empty": "It has no text.",
    "only_symbols": "It has neither letters nor digits.",
    "unfinished": "It breaks off in the middle.",
    "control_character": "It has a character that hides or reorders text.",
    "repetition": "It repeats itself.",
    "too_long": "It is too long for X.",
    "mention": "It mentions an account.",
    "too_many_cashtags": "It has more than one cashtag.",
    "too_many_hashtags": "It has too many hashtags.",
    "link": "It has a link.",
    "slur": "It has a slur.",
    "hate": "It demeans a group of people.",
    "sexual_violence": "It speaks of sexual violence.",
    "insult": "It insults somebody.",
    "toxic": "It is toxic as a whole, by a small model.",
    "vulgar": "It has an obscene word.",
    "threat": "It threatens somebody.",
    "self_harm": "It is about self-harm.",
    "minors": "It combines children and sex.",
    "promise": "It guarantees money or health.",
    "office": "It speaks as a public authority.",
    "email": "It has an e-mail address.",
    "phone": "It has a phone number.",
    "street": "It has a street address.",
    "ip": "It has an IP address.",
    "card": "It has a card number.",
    "iban": "It has an account number.",
    "wallet": "It has the address of a wallet.",
    "coordinates": "It has a place by its coordinates.",
    "social_security": "It has a social security number.",
    "key": "It has what looks like a password or key.",
    "denied": "It has a word that you do not allow.",
    "said_before": "The bot has said this before.",
    "said_nearly": "The bot has said nearly this before.",
    "refused_before": "The same words were refused before.",
    "copied": "It copies a tweet.",
    "language": "It does not read like the person's writing.",
    "classifier": "Your classifier refuses it.",
    "echo": "It repeats what it answers.",
    "screen_failed": "A check failed; please report it.",
}


def sentence(reason: Reason) -> str:
    """What is wrong with the draft, with the detail that the screen gives."""
    plain = SENTENCES.get(reason.name, f"{reason.name}.")
    return f"{plain.rstrip('.')}: {reason.detail}." if reason.detail else plain
