"""What differs between GPT-2, Llama, Mistral, Qwen 2 and 3 and the text models of Gemma 3, as one record.

Read from the configuration and the weights of transformers' model. A model with anything that the record cannot say
raises UnknownArchitecture, and is left to transformers. Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from training.errors import UnknownArchitecture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Activation = Literal["tanh", "erf", "silu"]  # GELU by tanh, GELU itself, SiLU
ACTIVATIONS: Mapping[str, Activation] = {
    "gelu_new": "tanh",
    "gelu_pytorch_tanh": "tanh",
    "gelu_fast": "tanh",
    "gelu": "erf",
    "silu": "silu",
    "swish": "silu",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """What differs from layer to layer of one model."""

    theta: float = 0.0  # the base of rotary positions; 0 where positions are learnt
    window: int = 0  # how many tokens a token attends to, itself included; 0 is all


@dataclass(frozen=True, slots=True)
class Architecture:
    """A decoder: embeddings, layers of attention and MLP around a residual stream, and a head without a bias."""

    layers: tuple[Layer, ...]
    width: int  # of the residual stream
    heads: int
    kv_heads: int  # of keys and values; each serves as many heads
    head_width: int
    inner: int  # width of the MLP
    vocabulary: int
    context: int
    norm: Literal["layer", "rms"]
    epsilon: float
    activation: Activation
    attention_scale: float  # of the products of queries and keys
    gated: bool = False  # the MLP is down(activation(gate) x up), not down(activation(up))
    embedding_scale: float = 1.0

    @property
    def thetas(self) -> tuple[float, ...]:
        """The different bases of its rotary positions."""
        return tuple(sorted({layer.theta for layer in self.layers if layer.theta}))


def read(config: Any) -> Architecture:
    """The architecture that a configuration of transformers describes."""
    reader = READERS.get(config.model_type)
    if reader is None:
        raise UnknownArchitecture(f"{config.model_type} is not written out here")
    return reader(config)


def unfold(model: Any) -> tuple[Architecture, dict[str, Any]]:
    """The architecture, and the weights under the same names for every family.

    `words` and `head` are one tensor where they are tied; `places`, if positions are learnt. Of a layer `ln1`, `qkv`,
    `qn`, `kn`, `out`, `post1`, `ln2`, `gate`, `up`, `down` and `post2`, as far as it has them, as "3.ln1.w" and
    "3.ln1.b"; a matrix is (outputs, inputs). `ln` is the last norm. A norm's offset is added to its weights.
    """
    architecture = read(model.config)
    names = NAMES.get(model.config.model_type, LLAMA)
    left = {name: weight.detach() for name, weight in model.state_dict().items()}
    weights = {ours: left.pop(theirs) for ours, theirs in names.outside.items() if theirs in left}
    if weights["head"].data_ptr() == weights["words"].data_ptr():
        weights["head"] = weights["words"]
    weights |= _renamed(left, f"{names.body}.{names.last}", "ln")
    for ours, parts in module_names(model.config.model_type, len(architecture.layers)).items():
        weights |= _joined([_renamed(left, part, ours) for part in parts])
    if left:  # an adapter, or a variant of the family
        raise UnknownArchitecture(f"it has weights that {model.config.model_type} lacks, {min(left)} among them")
    for name, weight in weights.items():
        if names.is_transposed and weight.dim() == 2 and name[0].isdigit():
            weights[name] = weight.t()
        elif names.norm_offset and weight.dim() == 1 and name.endswith(".w"):
            weights[name] = weight + names.norm_offset
    return architecture, weights


def module_names(model_type: str, layers: int) -> dict[str, list[str]]:
    """The modules of transformers' model whose matrices are one here, by our name: "3.qkv" and the like."""
    names = NAMES.get(model_type, LLAMA)
    return {
        f"{number}.{ours}": [f"{names.body}.{names.layers}.{number}.{part}" for part in theirs.split()]
        for number in range(layers)
        for ours, theirs in names.layer.items()
    }


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of a family's weights in transformers."""

    body: str
    layers: str
    last: str
    outside: Mapping[str, str]
    layer: Mapping[str, str]  # several names: one matrix here
    is_transposed: bool = False
    norm_offset: float = 0.0


def _llama_names(layer: Mapping[str, str], norm_offset: float = 0.0) -> _Names:
    shared = {
        "ln1": "input_layernorm",
        "qkv": "self_attn.q_proj self_attn.k_proj self_attn.v_proj",
        "qn": "self_attn.q_norm",
        "kn": "self_attn.k_norm",
        "out": "self_attn.o_proj",
        "gate": "mlp.gate_proj",
        "up": "mlp.up_proj",
        "down": "mlp.down_proj",
    }
    outside = {"words": "model.embed_tokens.weight", "head": "lm_head.weight"}
    return _Names("model", "layers", "norm", outside, shared | dict(layer), norm_offset=norm_offset)


LLAMA = _llama_names({"ln2": "post_attention_layernorm"})
NAMES = {
    "gpt2": _Names(
        "transformer",
        "h",
        "ln_f",
        {"words": "transformer.wte.weight", "places": "transformer.wpe.weight", "head": "lm_head.weight"},
        {
            "ln1": "ln_1",
            "qkv": "attn.c_attn",
            "out": "attn.c_proj",
            "ln2": "ln_2",
            "up": "mlp.c_fc",
            "down": "mlp.c_proj",
        },
        is_transposed=True,
    ),
    "gemma3_text": _llama_names(
        {
            "post1": "post_attention_layernorm",
            "ln2": "pre_feedforward_layernorm",
            "post2": "post_feedforward_layernorm",
        },
        norm_offset=1.0,
    ),
}


def _renamed(left: dict[str, Any], theirs: str, ours: str) -> dict[str, Any]:
    """Take a part's weights out of `left`."""
    kinds = {"w": "weight", "b": "bias"}
    return {
        f"{ours}.{short}": left.pop(f"{theirs}.{kind}") for short, kind in kinds.items() if f"{theirs}.{kind}" in left
    }


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One part of several, their outputs one after the other."""
    if len(parts) == 1:
        return parts[0]
    import torch

    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _gpt2(config: Any) -> Architecture:
    if config.scale_attn_by_inverse_layer_idx or config.add_cross_attention:
        raise UnknownArchitecture("it has an attention that GPT-2 was published without")
    width = config.n_embd // config.n_head
    return Architecture(
        layers=(Layer(),) * config.n_layer,
        width=config.n_embd,
        heads=config.n_head,
        kv_heads=config.n_head,
        head_width=width,
        inner=config.n_inner or 4 * config.n_embd,
        vocabulary=config.vocab_size,
        context=config.n_positions,
        norm="layer",
        epsilon=config.layer_norm_epsilon,
        activation=_activation(config.activation_function),
        attention_scale=width**-0.5 if config.scale_attn_weights else 1.0,
    )


def _llama(config: Any) -> Architecture:
    """Llama and what descends from it."""
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kinds = getattr(config, "layer_types", None) or [_kind(config)] * config.num_hidden_layers
    return Architecture(
        layers=tuple(_layer(config, kind) for kind in kinds),
        width=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_width=width,
        inner=config.intermediate_size,
        vocabulary=config.vocab_size,
        context=config.max_position_embeddings,
        norm="rms",
        epsilon=config.rms_norm_eps,
        activation=_activation(getattr(config, "hidden_act", None) or config.hidden_activation),
        attention_scale=(getattr(config, "query_pre_attn_scalar", None) or width) ** -0.5,
        gated=True,
        embedding_scale=config.hidden_size**0.5 if config.model_type == "gemma3_text" else 1.0,
    )


def _gemma3(config: Any) -> Architecture:
    if config.attn_logit_softcapping or config.final_logit_softcapping:
        raise UnknownArchitecture("it caps its logits")
    if config.use_bidirectional_attention:
        raise UnknownArchitecture("its tokens attend to later ones")
    return _llama(config)


def _kind(config: Any) -> str:
    """The kind of all layers, where the configuration has no list of them: Mistral's have a window."""
    return "sliding_attention" if getattr(config, "sliding_window", None) else "full_attention"


def _layer(config: Any, kind: str) -> Layer:
    if kind not in {"full_attention", "sliding_attention"}:
        raise UnknownArchitecture(f"it has layers of {kind}")
    rotary = config.rope_parameters.get(kind, config.rope_parameters)  # Gemma 3 has one for each kind
    if rotary["rope_type"] != "default" or rotary.get("partial_rotary_factor", 1.0) != 1.0:
        raise UnknownArchitecture(f'it scales its positions ("{rotary["rope_type"]}")')
    return Layer(rotary["rope_theta"], config.sliding_window if kind == "sliding_attention" else 0)


def _activation(name: str) -> Activation:
    if name not in ACTIVATIONS:
        raise UnknownArchitecture(f"its activation is {name}")
    return ACTIVATIONS[name]


READERS: Mapping[str, Callable[[Any], Architecture]] = {
    "gpt2": _gpt2,
    "llama": _llama,
    "mistral": _llama,
    "qwen2": _llama,
    "qwen3": _llama,
    "gemma3_text": _gemma3,
}
