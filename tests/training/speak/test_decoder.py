"""The written-out forward pass gives the tokens and likelihoods of transformers' own models, family by family."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.training.families import END, FAMILIES, PIECES, family, make
from training.errors import UnknownArchitecture
from training.learn.precision import has_bf16
from training.models import architecture
from training.speak.decoder import Decoder
from training.speak.torch_engine import DecoderEngine, TransformersEngine, engine_of

TOKENS = torch.randint(1, PIECES, (3, 24), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Any:
    return family(request.param)


@pytest.mark.parametrize("prompt", [1, 3, 12], ids=["a start", "shorter than the window", "longer than the window"])
def test_greedy_tokens_are_those_of_transformers(model: Any, prompt: int) -> None:
    ids = TOKENS[:1, :prompt]
    expected = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=20, eos_token_id=-1, pad_token_id=END
    )

    batch = DecoderEngine(model, torch.float32).begin(ids[0].tolist(), 2, 20)
    rows: list[list[int]] = [[], []]
    for step in range(20):
        for row, (token, _) in zip(rows, batch.sample([lambda: 0.5] * 2, 0.0, 1.0), strict=True):
            row.append(token)
        if step < 19:
            batch.advance([row[-1] for row in rows], [1, 0])

    assert rows == [expected[0, prompt:].tolist()] * 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_log_likelihoods_are_within_one_percent_of_transformers(model: Any, dtype: torch.dtype) -> None:
    if dtype == torch.bfloat16 and not has_bf16(torch.device("cpu")):
        pytest.skip("this chip has no bf16")
    with torch.inference_mode():
        likelihoods = model(TOKENS).logits[:, :-1].log_softmax(-1)
    expected = likelihoods.gather(-1, TOKENS[:, 1:, None]).squeeze(-1)[:, 3:].sum(-1)

    engine = DecoderEngine(model, dtype)
    actual = [engine.log_likelihoods(row[:4], [row[4:]])[0] for row in TOKENS.tolist()]

    assert actual == pytest.approx(expected.tolist(), rel=0.01 if dtype == torch.bfloat16 else 1e-4)


def test_reading_token_by_token_is_reading_at_once(model: Any) -> None:
    decoder = Decoder(model, torch.float32)
    with torch.inference_mode():
        whole = decoder.read(TOKENS[:1])
        cache = decoder.cache(1, 24)
        cache.rows = 1
        parts = [decoder.read(TOKENS[:1, :9], cache)]
        parts += [decoder.read(TOKENS[:1, [number]], cache) for number in range(9, 24)]

    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-4)


LLAMA = FAMILIES["Llama"]
GEMMA = FAMILIES["Gemma 3"]
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 2.0, "original_max_position_embeddings": 24}
PARTIAL = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
UNKNOWN = {
    "another family": (("GPTNeoXForCausalLM", "GPTNeoXConfig", {"vocab_size": PIECES, "hidden_size": 64}), "gpt_neox"),
    "scaled positions": ((*LLAMA[:2], {**LLAMA[2], "rope_parameters": YARN}), "scales its positions"),
    "partial positions": ((*LLAMA[:2], {**LLAMA[2], "rope_parameters": PARTIAL}), "scales its positions"),
    "capped logits": ((*GEMMA[:2], {**GEMMA[2], "final_logit_softcapping": 30.0}), "caps its logits"),
    "capped attention": ((*GEMMA[:2], {**GEMMA[2], "attn_logit_softcapping": 30.0}), "caps its logits"),
    "both directions": ((*GEMMA[:2], {**GEMMA[2], "use_bidirectional_attention": True}), "later ones"),
    "activation": ((*LLAMA[:2], {**LLAMA[2], "hidden_act": "relu"}), "relu"),
    "scaled layers": (
        ("GPT2LMHeadModel", "GPT2Config", {**FAMILIES["GPT-2"][2], "scale_attn_by_inverse_layer_idx": True}),
        "attention",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_model_with_anything_else_is_left_to_transformers_with_a_reason(name: str) -> None:
    (kind, config, settings), why = UNKNOWN[name]
    settings = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, **settings}
    model = make(kind, config, settings)

    with pytest.raises(UnknownArchitecture, match=why):
        architecture.unfold(model)
    assert isinstance(engine_of(model, torch.float32), TransformersEngine)


def test_weights_that_the_family_lacks_are_not_ignored() -> None:
    model = family("Llama")
    model.model.layers[0].mlp.adapter = torch.nn.Linear(2, 2)

    with pytest.raises(UnknownArchitecture, match=r"weights that llama lacks, model\.layers\.0\.mlp\.adapter\.bias"):
        architecture.unfold(model)


@pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="this chip has no bf16")
def test_transformers_own_model_speaks_in_bf16_and_stays_in_fp32_for_training() -> None:
    (kind, config, settings), _ = UNKNOWN["another family"]
    model = make(kind, config, {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, **settings})

    whole = TransformersEngine(model, torch.float32).log_likelihoods([1, 2], [[3, 4, 5]])
    half = TransformersEngine(model, torch.bfloat16).log_likelihoods([1, 2], [[3, 4, 5]])

    assert model.dtype == torch.float32
    assert whole != half == pytest.approx(whole, rel=0.02)
