from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from training.errors import HubUnreachable, ModelError
from training.models import base_model, model_dir
from training.models.model_dir import Manifest
from training.recipe import Shape

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = Shape(vocabulary=300, context=64, layers=1, width=32, heads=2)


@pytest.fixture(scope="module")
def tiny(sayings: tuple[str, ...]) -> tuple[Any, Any]:
    return base_model.load_base("scratch", texts=sayings, shape=SHAPE, seed=0)


@pytest.mark.parametrize(
    "text",
    ["plain", " two  spaces ", "☔🐦\u200d⬛", "日本語", "a\nb\tc", "\x00\x7f", "Bonjour ! ' quoted"],
)
def test_any_text_survives_the_tokenizer(tiny: tuple[Any, Any], text: str) -> None:
    tokenizer = tiny[1]

    ids = tokenizer(text, add_special_tokens=False).input_ids

    assert tokenizer.decode(ids) == text
    assert tokenizer.eos_token_id not in ids


def test_every_byte_is_a_token(tiny: tuple[Any, Any]) -> None:
    vocabulary = tiny[1].get_vocab()

    assert sum(len(piece) == 1 for piece in vocabulary) == 256
    assert vocabulary["<|endoftext|>"] == 0


def test_the_tokenizer_begins_a_text_with_the_start_token(tiny: tuple[Any, Any]) -> None:
    assert tiny[1]("My dream is").input_ids[0] == tiny[1].bos_token_id


def test_the_same_seed_makes_the_same_model(tiny: tuple[Any, Any], sayings: tuple[str, ...]) -> None:
    before = torch.random.get_rng_state()
    same, _ = base_model.load_base("scratch", texts=sayings, shape=SHAPE, seed=0)
    other, _ = base_model.load_base("scratch", texts=sayings, shape=SHAPE, seed=1)

    assert torch.equal(same.base_model.wte.weight, tiny[0].base_model.wte.weight)
    assert not torch.equal(other.base_model.wte.weight, same.base_model.wte.weight)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_local_folder_is_a_base(model_folder: Path) -> None:
    model, tokenizer = base_model.load_base(str(model_folder), texts=(), shape=SHAPE, seed=0)

    assert model.config.n_layer == 2
    assert tokenizer("My").input_ids[0] == tokenizer.bos_token_id


def test_a_gpt2_tokenizer_keeps_its_pieces_and_still_begins_with_the_start_token(
    tiny: tuple[Any, Any], tmp_path: Path
) -> None:
    from transformers import GPT2Tokenizer

    model, tokenizer = tiny
    pieces = GPT2Tokenizer(vocab=tokenizer.get_vocab(), merges=[])  # the class of GPT-2's own files
    ready = base_model.begin_with_start(pieces)
    model_dir.save(tmp_path / "m", model, ready, about=Manifest(created="", base_model="gpt2"), files={})

    again = model_dir.load(tmp_path / "m", device="cpu").tokenizer

    assert again("ab").input_ids == [0, *pieces("ab", add_special_tokens=False).input_ids]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("/no/such/folder", "no such folder", id="a folder that is not there"),
        pytest.param("./nor/this", "no such folder", id="nor here"),
        pytest.param("a/b/c", "the hub knows no such model", id="no name at all"),
    ],
)
def test_an_invalid_base_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        base_model.load_base(name, texts=(), shape=SHAPE, seed=0)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not load"):
        base_model.load_base(str(tmp_path), texts=(), shape=SHAPE, seed=0)


def test_an_unreachable_hub_is_reported_with_two_alternatives() -> None:
    # a name that no cache holds, in a process of its own, whose hub is a closed port
    import os
    import subprocess
    import sys

    program = (
        "from training.models import base_model; from training.errors import HubUnreachable\n"
        "from training.recipe import Shape\n"
        "try: base_model.load_base('nobody/no-such-bird', texts=(), shape=Shape(), seed=0)\n"
        "except HubUnreachable as error: print(error)"
    )
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}

    process = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )

    assert 'set base_model to a local folder or to "tiny"' in process.stdout
    assert process.stderr == ""
    assert issubclass(HubUnreachable, ModelError)


@pytest.mark.parametrize(
    ("name", "public"),
    [("gpt2", "gpt2"), ("you/bird", "you/bird"), ("/home/me/secret/bird", "bird"), ("~/bird", "bird"), ("./b", "b")],
)
def test_a_public_name_has_no_path(name: str, public: str) -> None:
    assert base_model.public_name(name) == public
