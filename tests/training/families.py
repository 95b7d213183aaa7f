"""Tiny models of every known architecture, with random weights so large that they prefer some tokens by far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import transformers

if TYPE_CHECKING:
    from collections.abc import Mapping

PIECES = 64
END = 0
SHAPE = {
    "vocab_size": PIECES,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 48,
    "initializer_range": 0.3,
    "bos_token_id": END,
    "eos_token_id": END,
    "pad_token_id": END,
}
GPT2 = {"vocab_size": PIECES, "n_embd": 48, "n_head": 3, "n_layer": 2, "n_positions": 48, "initializer_range": 0.3}
KINDS = ["sliding_attention", "full_attention", "sliding_attention"]
FAMILIES: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {  # the model, its configuration, what it differs in
    "GPT-2": ("GPT2LMHeadModel", "GPT2Config", GPT2),
    "GPT-2, narrow": ("GPT2LMHeadModel", "GPT2Config", GPT2 | {"n_inner": 80, "activation_function": "gelu"}),
    "Llama": ("LlamaForCausalLM", "LlamaConfig", SHAPE | {"tie_word_embeddings": True}),
    "Llama, biased": ("LlamaForCausalLM", "LlamaConfig", SHAPE | {"attention_bias": True, "mlp_bias": True}),
    "Mistral": ("MistralForCausalLM", "MistralConfig", SHAPE | {"sliding_window": 5}),
    "Qwen 2": ("Qwen2ForCausalLM", "Qwen2Config", SHAPE | {"num_attention_heads": 3, "num_key_value_heads": 1}),
    "Qwen 2, windowed": (
        "Qwen2ForCausalLM",
        "Qwen2Config",
        SHAPE | {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1},
    ),
    "Qwen 3": ("Qwen3ForCausalLM", "Qwen3Config", SHAPE | {"num_attention_heads": 4}),
    "Gemma 3": (
        "Gemma3ForCausalLM",
        "Gemma3TextConfig",
        SHAPE | {"sliding_window": 4, "query_pre_attn_scalar": 24, "layer_types": KINDS},
    ),
}


def family(name: str) -> Any:
    """A model of a family, in eval mode."""
    return make(*FAMILIES[name])


def make(kind: str, config: str, settings: Mapping[str, Any]) -> Any:
    """A model of transformers by the names of its classes; norms and biases are random too."""
    torch.manual_seed(5)
    ends = {"bos_token_id": END, "eos_token_id": END}
    model = getattr(transformers, kind)(getattr(transformers, config)(**{**ends, **settings}))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 1:
                weight.normal_(0.6, 0.2)
    return model.eval()
