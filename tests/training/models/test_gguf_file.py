"""GGUF files of small random models: read back by transformers, they compute the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gguf
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BloomConfig, LlamaConfig, LlamaForCausalLM, MistralConfig

from tests.conftest import SAYINGS
from tests.limits import files_up_to
from training.errors import ModelError, OutOfRoom
from training.models import base_model, gguf_file
from training.recipe import Shape

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = Shape(vocabulary=300, context=64, layers=2, width=64, heads=2)
PARAMETERS = {"temperature": 0.8, "top_k": 0}
TEXT = "My dream is a warm crumb on platform four, ☔ 2026."


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return base_model.begin_with_start(base_model.train_tokenizer(SAYINGS, SHAPE))


@pytest.fixture(scope="module")
def gpt2(tokenizer: Any) -> Any:
    """With as many positions as GPT-2 has: transformers reads no other number from a GGUF file."""
    return varied(base_model.make_model(tokenizer, replace(SHAPE, context=1_024), seed=1))


@pytest.fixture(scope="module")
def llama(tokenizer: Any) -> Any:
    return make_llama(tokenizer)


def make_llama(tokenizer: Any, **changes: Any) -> Any:
    """A Llama with two heads a key, more rows than tokens, and a rotary base of its own."""
    values = {
        "vocab_size": len(tokenizer) + 4,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "rope_parameters": {"rope_type": "default", "rope_theta": 100_000.0},
        "tie_word_embeddings": True,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    torch.manual_seed(2)
    return varied(LlamaForCausalLM(LlamaConfig(**values | changes)))


def varied(model: Any) -> Any:
    """With norms, biases and matrices that all matter: fresh ones are ones, zeros and nearly uniform attention."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    return model.eval()


def export(folder: Path, model: Any, tokenizer: Any, kind: gguf_file.Kind = "f16") -> Path:
    path = folder / "my-bird.gguf"
    gguf_file.write(path, model, tokenizer, name="my bird", kind=kind, parameters=PARAMETERS)
    return path


@torch.no_grad()
def logits(model: Any, tokenizer: Any) -> torch.Tensor:
    return model(torch.tensor([tokenizer(TEXT).input_ids])).logits[0, :, : len(tokenizer)]


@pytest.mark.parametrize("kind", ["f16", "q8_0"])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_model_that_is_read_back_gives_the_same_logits(
    request: pytest.FixtureRequest, tokenizer: Any, tmp_path: Path, family: str, kind: gguf_file.Kind
) -> None:
    model = request.getfixturevalue(family)
    path = export(tmp_path, model, tokenizer, kind)

    back = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name, dtype=torch.float32).eval()

    expected, difference = logits(model, tokenizer), logits(back, tokenizer) - logits(model, tokenizer)
    assert float(difference.std() / expected.std()) < {"f16": 1e-3, "q8_0": 2e-2}[kind]
    assert float((logits(back, tokenizer).argmax(-1) == expected.argmax(-1)).float().mean()) > 0.9


def test_a_head_of_its_own_is_exported_too(tokenizer: Any, tmp_path: Path) -> None:
    model = make_llama(tokenizer, tie_word_embeddings=False)
    path = export(tmp_path, model, tokenizer)

    back = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name, dtype=torch.float32).eval()

    torch.testing.assert_close(logits(back, tokenizer), logits(model, tokenizer), atol=2e-2, rtol=1e-2)


def test_the_tokens_of_a_text_are_the_same(llama: Any, tokenizer: Any, tmp_path: Path) -> None:
    path = export(tmp_path, llama, tokenizer)

    back = AutoTokenizer.from_pretrained(tmp_path, gguf_file=path.name)

    assert back(TEXT, add_special_tokens=False).input_ids == tokenizer(TEXT, add_special_tokens=False).input_ids


def test_llama_cpp_is_told_how_a_text_begins_and_ends(llama: Any, tokenizer: Any, tmp_path: Path) -> None:
    fields = gguf.GGUFReader(export(tmp_path, llama, tokenizer)).fields

    values = {name.removeprefix("tokenizer.ggml."): field.contents() for name, field in fields.items()}
    assert (values["model"], values["pre"]) == ("gpt2", "gpt-2")
    assert (values["bos_token_id"], values["eos_token_id"]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert (values["add_bos_token"], values["add_eos_token"]) == (True, False)
    assert values["tokens"][-1] == f"[PAD{len(tokenizer) + 3}]"
    assert values["token_type"][0] == gguf.TokenType.CONTROL
    assert values["token_type"][-1] == gguf.TokenType.UNUSED


def test_digits_that_are_split_one_by_one_are_known(llama: Any, tokenizer: Any, tmp_path: Path) -> None:
    from tokenizers import pre_tokenizers

    pieces = base_model.train_tokenizer(SAYINGS, SHAPE)
    pieces.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )

    fields = gguf.GGUFReader(export(tmp_path, llama, pieces)).fields

    assert fields["tokenizer.ggml.pre"].contents() == "smollm"


def test_ollama_is_told_to_draw_as_the_bot_does(gpt2: Any, tokenizer: Any, tmp_path: Path) -> None:
    path = export(tmp_path, gpt2, tokenizer)

    assert path.with_suffix(".Modelfile").read_text().splitlines() == [
        "FROM ./my-bird.gguf",
        "# The model continues a text as it is, without a chat.",
        'TEMPLATE """{{ .Prompt }}"""',
        "PARAMETER temperature 0.8",
        "PARAMETER top_k 0",
    ]


@pytest.mark.parametrize("there", ["my-bird.gguf", "my-bird.Modelfile"])
def test_nothing_is_overwritten(gpt2: Any, tokenizer: Any, tmp_path: Path, there: str) -> None:
    (tmp_path / there).symlink_to("nowhere")

    with pytest.raises(ModelError, match=f"{there} exists already"):
        export(tmp_path, gpt2, tokenizer)

    assert [path.name for path in tmp_path.iterdir()] == [there]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    for name in ("first", "second", "taken"):
        (tmp_path / name).write_text(name)

    with pytest.raises(FileExistsError):
        gguf_file._place({tmp_path / "first": tmp_path / "a", tmp_path / "second": tmp_path / "taken"})

    assert (tmp_path / "taken").read_text() == "taken"
    assert not (tmp_path / "a").exists()


def test_a_full_disk_leaves_nothing_and_says_so(gpt2: Any, tokenizer: Any, tmp_path: Path) -> None:
    with files_up_to(100_000), pytest.raises(OutOfRoom, match="is full: make room"):
        export(tmp_path, gpt2, tokenizer)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_gives_one_sentence(gpt2: Any, tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"my-bird\.gguf cannot be written .*: choose another file"):
        export(tmp_path / "missing", gpt2, tokenizer)


@pytest.mark.parametrize("name", ["my bird.gguf", "a\nSYSTEM x.gguf", "bird.bin", ".gguf"])
def test_a_name_that_the_modelfile_could_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"name the file like my-bird\.gguf"):
        gguf_file.check_names(tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"hidden_act": "gelu"}, "has settings that GGUF's", id="another activation"),
        pytest.param({"attention_bias": True}, "has settings that GGUF's", id="biases"),
        pytest.param(
            {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, "has settings", id="scaling"
        ),
    ],
)
def test_what_llama_cpp_computes_otherwise_is_refused(
    tokenizer: Any, tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(ModelError, match=why):
        export(tmp_path, make_llama(tokenizer, **changes), tokenizer)


def test_a_window_that_llama_cpp_ignores_is_refused(tmp_path: Path) -> None:
    config = MistralConfig(sliding_window=32, max_position_embeddings=64)

    with pytest.raises(ModelError, match="has settings that GGUF's"):
        gguf_file._check_model(config)


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='"bloom" cannot be exported to GGUF: only GPT-2 and the Llama family'):
        gguf_file._check_model(BloomConfig())


def test_another_kind_of_tokenizer_is_refused(llama: Any, tmp_path: Path) -> None:
    from tokenizers import pre_tokenizers

    pieces = base_model.train_tokenizer(SAYINGS, SHAPE)
    pieces.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()

    with pytest.raises(ModelError, match="splits texts in a way that this export does not know"):
        export(tmp_path, llama, pieces)

    assert list(tmp_path.iterdir()) == []
