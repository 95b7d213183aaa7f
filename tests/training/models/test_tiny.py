"""The base model in the package, as it ships."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from training.errors import ModelError
from training.judge.evaluate import bits_per_character
from training.models import base_model
from training.models.model_dir import check
from training.speak.torch_engine import TorchSampler

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 10**6


@pytest.fixture(scope="module")
def embedded() -> tuple[Any, Any]:
    return base_model.load_embedded()


def test_every_file_of_the_base_is_what_its_manifest_says() -> None:
    manifest = check(base_model.EMBEDDED)

    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= manifest.files.keys()


def test_the_base_takes_at_most_16_megabytes() -> None:
    assert sum(path.stat().st_size for path in base_model.EMBEDDED.iterdir()) <= 16 * MEGABYTE


def test_the_base_comes_with_its_card_and_its_credits() -> None:
    card = (base_model.EMBEDDED / "README.md").read_text(encoding="utf-8")
    notice = (base_model.EMBEDDED / "NOTICE").read_text(encoding="utf-8")

    assert "must not be used" in card
    assert "Redistributions of source code must retain the above copyright notice" in notice
    assert "Permission is hereby granted, free of charge" in notice


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_base_with_a_flipped_byte_is_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(base_model.EMBEDDED, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(ModelError, match=rf"install the package again: .*{name}"):
        base_model.load_embedded(folder)


@pytest.mark.parametrize(
    "text",
    ["plain", " two  spaces ", "☔🐦\u200d⬛", "日本語", "a\nb\r\n\tc", "".join(map(chr, range(256))), "e\u0301 é"],
)
def test_any_text_survives_the_tokenizer_of_the_base(embedded: tuple[Any, Any], text: str) -> None:
    tokenizer = embedded[1]

    ids = tokenizer(text, add_special_tokens=False).input_ids

    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_every_byte_is_a_token_of_the_base(embedded: tuple[Any, Any]) -> None:
    assert sum(len(piece) == 1 for piece in embedded[1].get_vocab()) == 256


def test_plain_english_needs_fewer_bits_by_the_base_than_by_gzip(
    embedded: tuple[Any, Any], sayings: tuple[str, ...]
) -> None:
    assert bits_per_character(*embedded, sayings, context=256) < 2.5


def test_a_sample_from_nothing_ends_by_itself(embedded: tuple[Any, Any]) -> None:
    samples = TorchSampler(*embedded).draft("", n=20, seed=0)

    assert sum(sample.finished for sample in samples) >= 18
    assert all(sample.text for sample in samples)


def test_tiny_is_the_base_in_the_package_and_needs_no_network() -> None:
    # in a process of its own, whose every connection is refused before it is tried
    program = (
        "import socket\n"
        "def refuse(*_): raise AssertionError('a connection was asked for')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from training.models import base_model; from training.recipe import Shape\n"
        "model, _ = base_model.load_base('tiny', texts=(), shape=Shape(), seed=0)\n"
        "print(model.dtype, model.config.vocab_size)"
    )

    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert process.stdout.split() == ["torch.float32", "8192"], process.stderr
