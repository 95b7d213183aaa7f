"""Writes a model as one GGUF file, the format of llama.cpp and Ollama, and a Modelfile for Ollama.

GPT-2 and the Llama family, in 16 or 8 bits. What llama.cpp would compute otherwise than transformers is refused.
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from training.errors import ModelError, OutOfRoom, is_full

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

Kind = Literal["f16", "q8_0"]

# A name goes into the Modelfile, where anything else could be read as an instruction.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.gguf")
BLOCK = 32  # weights that share a scale in Q8_0; a row must be a multiple of it
LLAMA = ("llama", "mistral")  # llama.cpp computes both by "llama"
TANH_GELU = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast")  # three spellings of one function
# How the texts are split before the merges: llama.cpp's name of it.
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
DIGITS = {"type": "Digits", "individual_digits": True}
SPLITS: tuple[tuple[Any, str], ...] = (
    (BYTES, "gpt-2"),
    ({"type": "Sequence", "pretokenizers": [DIGITS, BYTES]}, "smollm"),
)


def write(path: Path, model: Any, tokenizer: Any, *, name: str, kind: Kind, parameters: Mapping[str, float]) -> Path:
    """Write the file and a Modelfile beside it, whose path is returned; both or neither, and never over another file.

    `parameters` are Ollama's names of the settings by which texts are drawn, with their values.
    """
    modelfile = path.with_suffix(".Modelfile")
    check_names(path)
    _check_model(model.config)
    try:
        with TemporaryDirectory(dir=path.parent, prefix=".mynah-") as place:
            weights, instructions = Path(place) / "weights", Path(place) / "instructions"
            instructions.write_text(_modelfile(path.name, parameters), encoding="utf-8")
            with _opened(weights, "gpt2" if model.config.model_type == "gpt2" else "llama") as writer:
                writer.add_name(name)
                _write_shape(writer, model.config)
                _write_tokenizer(writer, tokenizer, rows=model.get_input_embeddings().weight.shape[0])
                _write_weights(writer, model, kind)
                writer.write_header_to_file()
                writer.write_kv_data_to_file()
                writer.write_tensors_to_file()
            _place({instructions: modelfile, weights: path})
    except OSError as error:
        if is_full(error) or error.errno is None:  # numpy reports a short write without a number
            raise OutOfRoom(f"The disk of {path.parent} is full: make room and export again.") from error
        raise ModelError(f"{path} cannot be written ({error.strerror or error}): choose another file.") from error
    return modelfile


def check_names(path: Path) -> None:
    """Raise if the file may not have this name, or if it or its Modelfile exists."""
    if not NAME.fullmatch(path.name):
        raise ModelError(
            f'"{path.name}" will not do: name the file like my-bird.gguf, of letters, digits, ".", "_", "-".'
        )
    for each in (path, path.with_suffix(".Modelfile")):
        if os.path.lexists(each):
            raise ModelError(f"{each} exists already, and nothing is overwritten: choose another name.")


@contextmanager
def _opened(path: Path, architecture: str) -> Iterator[Any]:
    """A writer that is closed at the end; after a failure, closing would fail once more."""
    import gguf

    writer = gguf.GGUFWriter(path, architecture)
    try:
        yield writer
    except BaseException:
        with suppress(OSError):
            writer.close()
        raise
    writer.close()


def _place(files: Mapping[Path, Path]) -> None:
    """Give finished files their names. A link fails where a rename would replace what is there."""
    placed: list[Path] = []
    try:
        for source, target in files.items():
            with source.open("rb") as file:
                os.fsync(file.fileno())
            os.link(source, target)
            placed.append(target)
    except OSError:
        for target in placed:
            target.unlink()
        raise


def _check_model(config: Any) -> None:
    """Raise for a model that llama.cpp does not know, or would compute differently."""
    kind = config.model_type
    if kind == "gpt2":
        plain = config.activation_function in TANH_GELU and config.scale_attn_weights
        plain = plain and not config.scale_attn_by_inverse_layer_idx
    elif kind in LLAMA:
        window = getattr(config, "sliding_window", None)
        plain = config.hidden_act == "silu" and _rope(config).get("rope_type", "default") == "default"
        plain = plain and not getattr(config, "attention_bias", False) and not getattr(config, "mlp_bias", False)
        plain = plain and (window is None or window >= config.max_position_embeddings)
    else:
        raise ModelError(
            f'A model of the kind "{kind}" cannot be exported to GGUF: only GPT-2 and the Llama family can.'
        )
    if not plain:
        raise ModelError(
            f'This model has settings that GGUF\'s "{kind}" lacks (see its config.json): it cannot be exported.'
        )


def _rope(config: Any) -> Mapping[str, Any]:
    return getattr(config, "rope_parameters", None) or {}


def _write_shape(writer: Any, config: Any) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    if config.model_type == "gpt2":
        writer.add_feed_forward_length(config.n_inner or 4 * config.hidden_size)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(_rope(config).get("rope_theta", 10_000.0))
    writer.add_vocab_size(config.vocab_size)


def _write_tokenizer(writer: Any, tokenizer: Any, *, rows: int) -> None:
    """`rows` of the embedding: llama.cpp wants a token for each, so the rest are filled up."""
    import gguf

    content = json.loads(tokenizer.backend_tokenizer.to_str())
    bpe = content["model"]
    split = {key: value for key, value in (content["pre_tokenizer"] or {}).items() if key != "trim_offsets"}
    for part in split.get("pretokenizers", ()):
        part.pop("trim_offsets", None)
    pre = next((name for steps, name in SPLITS if steps == split), None)
    if bpe["type"] != "BPE" or bpe.get("byte_fallback") or content["normalizer"] or pre is None:
        raise ModelError("Its tokenizer splits texts in a way that this export does not know: it cannot be exported.")
    tokens = {number: token for token, number in bpe["vocab"].items()}
    kinds = dict.fromkeys(tokens, gguf.TokenType.NORMAL)
    for added in content["added_tokens"]:
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([tokens.get(number, f"[PAD{number}]") for number in range(rows)])
    writer.add_token_types([int(kinds.get(number, gguf.TokenType.UNUSED)) for number in range(rows)])
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in bpe["merges"]])
    start = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    writer.add_bos_token_id(start)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_add_bos_token(value=True)  # as in training: each text begins with the start token
    writer.add_add_eos_token(value=False)


def _write_weights(writer: Any, model: Any, kind: Kind) -> None:
    import gguf
    import numpy as np

    eight = gguf.GGMLQuantizationType.Q8_0
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if kind == "q8_0" else gguf.LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for name, weight in _tensors(model):
        if weight.ndim == 1 or name.startswith("position_embd"):  # llama.cpp computes with these in fp32
            writer.add_tensor(name, weight)
        elif kind == "q8_0" and weight.shape[-1] % BLOCK == 0:
            writer.add_tensor(name, gguf.quantize(weight, eight), raw_dtype=eight)
        else:
            writer.add_tensor(name, weight.astype(np.float16))


def _tensors(model: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Each weight in fp32, by llama.cpp's name and in its layout. A head that is the embedding is left out."""
    import gguf

    config = model.config
    is_gpt2 = config.model_type == "gpt2"
    arch = gguf.MODEL_ARCH.GPT2 if is_gpt2 else gguf.MODEL_ARCH.LLAMA
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    heads = {"q_proj": config.num_attention_heads, "k_proj": getattr(config, "num_key_value_heads", 0)}
    for own, tensor in model.state_dict().items():
        if own == "lm_head.weight" and tied:
            continue
        name = names.get_name(own, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise ModelError(f"GGUF has no name for the weights {own}: this model cannot be exported.")
        weight = tensor.detach().float().cpu().contiguous().numpy()
        layer = own.split(".")[-2]
        if is_gpt2 and layer.startswith("c_") and weight.ndim == 2:  # Conv1D has its inputs first
            weight = weight.T.copy()
        if not is_gpt2 and layer in heads:
            weight = _interleaved(weight, heads[layer])
        yield name, weight


def _interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp rotates neighbouring rows of a head together, transformers those of its two halves."""
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def _modelfile(name: str, parameters: Mapping[str, float]) -> str:
    lines = [
        f"FROM ./{name}",
        "# The model continues a text as it is, without a chat.",
        'TEMPLATE """{{ .Prompt }}"""',
        *(f"PARAMETER {key} {value:g}" for key, value in parameters.items()),
    ]
    return "\n".join(lines) + "\n"
