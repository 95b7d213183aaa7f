"""The licences of the bases that Mynah knows, for the card and for the files NOTICE and LICENSE beside the weights."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from training.errors import ModelError
from training.models import model_dir
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
GPT2 = Licence(
    "mit",
    "The base is GPT-2, copyright 2019 OpenAI, under a modified MIT licence; its weights were changed by fine-tuning.",
)
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
    """Of a model folder as base, the one of its own base. Empty for a base that nobody here knows."""
    return LICENCES.get(base) or LICENCES.get(_root(base), Licence())


def files_of(base: str) -> dict[str, bytes]:
    """NOTICE and LICENSE, which go with the weights; without those of which there is nothing to say."""
    known, folder = licence_of(base), Path(base).expanduser()
    notice = f"{known.notice}\n".encode() if known.notice else b""
    if TINY in {base, _root(base)}:
        notice = (EMBEDDED / "NOTICE").read_bytes()
    text = Path(__file__).with_name("apache-2.0.txt").read_bytes() if known.code == "apache-2.0" else b""
    files = {"NOTICE": notice, "LICENSE": text}
    for name in files:  # what somebody has put beside the base says more than this table
        if (folder / name).is_file():
            files[name] = (folder / name).read_bytes()
    return {name: content for name, content in files.items() if content}


def _root(base: str) -> str:
    """The base of a model folder that is a base itself; empty if it is no such folder."""
    folder = Path(base).expanduser()
    try:
        return model_dir.read_manifest(folder).base_model if (folder / model_dir.MANIFEST).is_file() else ""
    except ModelError:
        return ""
