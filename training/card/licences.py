"""The licences of the bases that Mynah knows, for the card and for the NOTICE beside the weights."""

from __future__ import annotations

from typing import NamedTuple

from training.models.base_model import EMBEDDED, SCRATCH, TINY


class Licence(NamedTuple):
    code: str = ""  # as the hub writes it
    notice: str = ""  # a sentence in Markdown


APACHE = "https://www.apache.org/licenses/LICENSE-2.0"
SMOLLM2 = Licence(
    "apache-2.0",
    f"The base is SmolLM2-135M by Hugging Face (HuggingFaceTB), under the Apache License 2.0, {APACHE}; "
    "its weights were changed by fine-tuning.",
)
GPT2 = Licence("mit", "The base is GPT-2 by OpenAI, under the MIT licence; its weights were changed by fine-tuning.")
LICENCES = {
    TINY: Licence(
        "mit",
        "The base is the one in Mynah's package, under the MIT licence; `NOTICE` credits the texts that it was made "
        "from. Its weights were changed by fine-tuning.",
    ),
    SCRATCH: Licence(),
    "smollm2": SMOLLM2,
    "HuggingFaceTB/SmolLM2-135M": SMOLLM2,
    "HuggingFaceTB/SmolLM2-135M-Instruct": SMOLLM2,
    "gpt2": GPT2,
    "openai-community/gpt2": GPT2,
}


def licence_of(base: str) -> Licence:
    """Empty for a base that is not in the table: whoever publishes the model has to look it up."""
    return LICENCES.get(base, Licence())


def notice_of(base: str) -> bytes:
    """The content of the file NOTICE of a model on this base; empty where there is nothing to say."""
    if base == TINY:
        return (EMBEDDED / "NOTICE").read_bytes()
    notice = licence_of(base).notice
    return f"{notice}\n".encode() if notice else b""
