"""The torch engines give the tokens of transformers' own `generate`, without its hidden defaults."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM

from training.errors import ModelError
from training.learn.precision import has_bf16
from training.models import base_model, model_dir
from training.speak.decoder import has_packed_linear
from training.speak.nucleus import choose
from training.speak.torch_engine import (
    CANDIDATES,
    DecoderEngine,
    TorchSampler,
    TransformersEngine,
    choose_from_likeliest,
)
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.speak.sampler import Engine

PIECES = 64  # of the small models made here
END = 0
SHORT = Sampling(max_tokens=20)
DRAWS = 4_000  # enough that a hidden top_k of 5 is seen by far


@pytest.fixture(scope="module")
def loaded(model_folder: Path) -> Any:
    return model_dir.load(model_folder, device="cpu")


@pytest.fixture(scope="module")
def sampler(loaded: Any) -> TorchSampler:
    return TorchSampler(loaded.model, loaded.tokenizer, dtype=torch.float32)


@pytest.fixture(scope="module")
def opinionated() -> Any:
    """A small GPT-2 with random weights so large that it prefers some tokens by far, and differs by what was said."""
    torch.manual_seed(5)
    config = GPT2Config(vocab_size=PIECES, n_positions=40, n_embd=32, n_layer=2, n_head=2, initializer_range=0.3)
    model: Any = GPT2LMHeadModel(config)
    return model.eval()


@pytest.fixture(scope="module", params=["written out", "as on a GPU", "any model", "another architecture"])
def engine(request: pytest.FixtureRequest, opinionated: Any) -> tuple[Engine, Any]:
    if request.param == "another architecture":
        torch.manual_seed(5)
        config = GPTNeoXConfig(
            vocab_size=PIECES,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=40,
            initializer_range=0.3,
        )
        other: Any = GPTNeoXForCausalLM(config)
        return TransformersEngine(other, torch.float32), other.eval()
    if request.param == "any model":
        return TransformersEngine(opinionated, torch.float32), opinionated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, for it sets all of oneDNN's switches anew, Intel's GPUs' too
        with torch.backends.mkldnn.flags(enabled=request.param == "written out"):  # a GPU has no oneDNN
            return DecoderEngine(opinionated, torch.float32), opinionated


def say(
    engine: Engine, begun: list[int], rows: int, room: int, *, temperature: float = 1.0, top_p: float = 1.0
) -> list[list[int]]:
    """So many tokens of each row, whatever they are."""
    rng = torch.Generator().manual_seed(0)
    uniforms: list[Callable[[], float]] = [lambda: 1.0 - float(torch.rand((), generator=rng))] * rows
    batch = engine.begin(begun, rows, room)
    tails: list[list[int]] = [[] for _ in range(rows)]
    for step in range(room):
        tokens = [token for token, _ in batch.sample(uniforms, temperature, top_p)]
        for row, token in zip(tails, tokens, strict=True):
            row.append(token)
        if step + 1 < room:
            batch.advance(tokens, range(rows))
    return tails


def theirs(model: Any, begun: list[int], rows: int, room: int, **settings: Any) -> list[list[int]]:
    """The tokens of transformers; no token ends a row."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        ids = model.generate(
            torch.tensor([begun]),
            attention_mask=torch.ones(1, len(begun)),
            num_return_sequences=rows,
            max_new_tokens=room,
            pad_token_id=END,
            eos_token_id=-1,
            **settings,
        )
    tails: list[list[int]] = ids[:, len(begun) :].tolist()
    return tails


@pytest.mark.parametrize("begun", [[0], [0, 7], [0, *range(9, 30)]], ids=["start", "a token", "a line"])
def test_greedy_tokens_are_those_of_transformers(engine: tuple[Engine, Any], begun: list[int]) -> None:
    ours, model = engine

    assert say(ours, begun, 2, 18, temperature=0.0) == theirs(model, begun, 1, 18, do_sample=False) * 2


@pytest.mark.parametrize("prompt", ["My dream is", "", "Rain ☔", "the the the", "1, 2, 3 and\n4"])
@pytest.mark.parametrize("base", ["small", "embedded"])
def test_greedy_drafts_are_those_of_transformers(loaded: Any, base: str, prompt: str) -> None:
    model, tokenizer = (loaded.model, loaded.tokenizer) if base == "small" else base_model.load_embedded()
    inputs = tokenizer(prompt, return_tensors="pt")
    ids = model.generate(**inputs, do_sample=False, max_new_tokens=40)
    expected = tokenizer.decode(ids[0], skip_special_tokens=True).strip()

    (ours,) = TorchSampler(model, tokenizer, dtype=torch.float32).draft(
        prompt, n=1, seed=0, sampling=Sampling(temperature=0.0, max_tokens=40)
    )

    assert ours.text == expected


CHANCES = [{"temperature": 1.0, "top_p": 0.95}, {"temperature": 0.7, "top_p": 0.8}, {"temperature": 1.3, "top_p": 1.0}]


@pytest.mark.parametrize("chance", CHANCES, ids=str)
def test_the_distribution_is_that_of_transformers(opinionated: Any, chance: dict[str, float]) -> None:
    ours = say(DecoderEngine(opinionated, torch.float32), [0, 7], DRAWS, 2, **chance)
    expected = theirs(opinionated, [0, 7], DRAWS, 2, do_sample=True, top_k=0, **chance)

    assert likelihood_of_being_alike(ours, expected) > 0.01


@pytest.mark.parametrize("trap", [{"top_k": 5}, {"temperature": 0.8}, {"top_p": 0.85}, {"min_p": 0.05}], ids=str)
def test_another_distribution_would_be_noticed(opinionated: Any, trap: dict[str, Any]) -> None:
    plain = {"top_k": 0, "temperature": 1.0, "top_p": 0.95}
    ours = say(DecoderEngine(opinionated, torch.float32), [0, 7], DRAWS, 2, temperature=1.0, top_p=0.95)
    others = theirs(opinionated, [0, 7], DRAWS, 2, do_sample=True, **plain | trap)

    assert likelihood_of_being_alike(ours, others) < 1e-6


def likelihood_of_being_alike(some: list[list[int]], others: list[list[int]]) -> float:
    """By a chi-square test of two samples of the same size; what is seldom said shares a cell."""
    counts = torch.zeros(2, PIECES**2)
    for side, rows in enumerate((some, others)):
        cells = torch.tensor([first * PIECES + second for first, second in rows])
        counts[side] = torch.bincount(cells, minlength=PIECES**2)
    often = counts.sum(0) >= 20
    cells = torch.cat([counts[:, often], counts[:, ~often].sum(1, keepdim=True)], 1)
    cells = cells[:, cells.sum(0) > 0]
    statistic = ((cells[0] - cells[1]) ** 2 / cells.sum(0)).sum()
    return float(torch.special.gammaincc(torch.tensor((cells.shape[1] - 1) / 2), statistic / 2))


@pytest.mark.parametrize("top_p", [0.5, 0.95, 1.0])
@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0, 1.3])
@pytest.mark.parametrize("spread", [0.1, 3.0], ids=["flat", "peaked"])  # with and without the nucleus in CANDIDATES
def test_a_gpu_samples_as_a_cpu_does(spread: float, temperature: float, top_p: float) -> None:
    logits = torch.randn(16, 4 * CANDIDATES, generator=torch.Generator().manual_seed(0)) * spread
    rows = range(len(logits))
    uniforms: list[Callable[[], float]] = [lambda row=row: (row + 1) / len(logits) for row in rows]

    ours = choose_from_likeliest(logits, temperature, top_p, uniforms)

    expected = choose(logits.numpy(), temperature, top_p, uniforms)
    assert [nats for _, nats in ours] == pytest.approx(
        [float(logits.log_softmax(-1)[row, ours[row][0]]) for row in rows]
    )
    if spread == 0.1 or top_p == 1 or temperature == 0:  # all tokens in the vocabulary's order, as on a processor
        assert sum(token == other for (token, _), (other, _) in zip(ours, expected, strict=True)) >= 14


@pytest.mark.parametrize("way", ["processor", "GPU"])
@pytest.mark.parametrize("temperature", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("top_p", [0.9, 1.0])
def test_logits_that_are_not_numbers_have_a_likelihood_that_is_none(way: str, temperature: float, top_p: float) -> None:
    logits = torch.full((1, 5), math.nan)
    uniforms: list[Callable[[], float]] = [lambda: 0.5]

    if way == "GPU":
        chosen = choose_from_likeliest(logits, temperature, top_p, uniforms)
    else:
        chosen = choose(logits.numpy(), temperature, top_p, uniforms)

    assert all(math.isnan(nats) for _, nats in chosen)


@pytest.mark.parametrize("way", ["processor", "GPU"])
def test_a_token_outside_the_nucleus_is_never_drawn(way: str) -> None:
    logits = torch.tensor([[0.4, 0.05, 0.3, 0.2, 0.05]]).log().expand(2_000, -1)
    draws = torch.rand(2_000, generator=torch.Generator().manual_seed(0)).tolist()
    uniforms = [lambda: 1.0 - draws.pop()] * len(logits)

    if way == "GPU":
        choices = choose_from_likeliest(logits, 1.0, 0.85, uniforms)
    else:
        choices = choose(logits.numpy(), 1.0, 0.85, uniforms)

    tokens = [token for token, _ in choices]
    assert set(tokens) == {0, 2, 3}
    shares = [tokens.count(token) / len(tokens) for token in (0, 2, 3)]
    assert shares == pytest.approx([4 / 9, 3 / 9, 2 / 9], abs=0.04)


@pytest.mark.parametrize("top_p", [1e-6, 0.0])
def test_a_nucleus_smaller_than_the_likeliest_token_still_has_that_token(sampler: TorchSampler, top_p: float) -> None:
    nearly_greedy = sampler.draft("My dream is", n=4, seed=3, sampling=Sampling(top_p=top_p, max_tokens=20))
    greedy = sampler.draft("My dream is", n=4, seed=3, sampling=Sampling(temperature=0.0, max_tokens=20))

    assert nearly_greedy == greedy


def test_more_than_fifty_tokens_have_a_chance(sampler: TorchSampler) -> None:
    first = {tuple(row) for row in say(sampler._engine, [0], 1_000, 1)}

    assert len(first) > 50


def test_an_empty_text_may_be_sampled(loaded: Any) -> None:
    model: Any = GPT2LMHeadModel(GPT2Config(vocab_size=300, n_embd=32, n_layer=1, n_head=2))
    torch.nn.init.zeros_(model.transformer.ln_f.weight)
    torch.nn.init.ones_(model.transformer.ln_f.bias)
    model.transformer.wte.weight.data[END] = 0.1  # the end is what it expects most, wherever it is

    drafts = TorchSampler(model, loaded.tokenizer, dtype=torch.float32).draft("", n=200, seed=0)

    assert sum(draft.text == "" for draft in drafts) > 10


@pytest.mark.parametrize("family", ["written out", "any model"])
def test_sampling_uses_no_dropout(loaded: Any, family: str) -> None:
    config = GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=2, initializer_range=0.3)
    config.scale_attn_by_inverse_layer_idx = family == "any model"
    model = GPT2LMHeadModel(config).train()
    sampler = TorchSampler(model, loaded.tokenizer, dtype=torch.float32)

    assert isinstance(sampler._engine, TransformersEngine if family == "any model" else DecoderEngine)
    assert sampler.log_likelihoods(["My dream is"]) == sampler.log_likelihoods(["My dream is"])
    assert (
        len(
            {
                draft.text
                for draft in sampler.draft("My", n=8, seed=0, sampling=Sampling(temperature=0.0, max_tokens=12))
            }
        )
        == 1
    )


def test_finished_rows_do_not_change_the_others(engine: tuple[Engine, Any]) -> None:
    ours, _ = engine
    begun, lengths = [0, 7, 9], [3, 1, 4, 1, 5, 9, 2, 6]
    rng = torch.Generator().manual_seed(0)
    batch = ours.begin(begun, len(lengths), max(lengths))
    tails: list[list[int]] = [[] for _ in lengths]
    scores = [0.0] * len(lengths)
    rows = list(range(len(lengths)))
    while rows:
        samples = batch.sample([lambda: 1.0 - float(torch.rand((), generator=rng))] * len(rows), 1.0, 1.0)
        for row, (token, gain) in zip(rows, samples, strict=True):
            tails[row].append(token)
            scores[row] += gain
        kept = [number for number, row in enumerate(rows) if len(tails[row]) < lengths[row]][::-1]  # and change places
        rows = [rows[number] for number in kept]
        if rows:
            batch.advance([tails[row][-1] for row in rows], kept)

    assert [len(tail) for tail in tails] == lengths
    assert scores == pytest.approx(ours.log_likelihoods(begun, tails), rel=1e-4)


def test_a_log_likelihood_equals_that_of_transformers(engine: tuple[Engine, Any]) -> None:
    ours, model = engine
    begun, tails = [0, 7], [[5], [4, 9, 33, 2], [8, 8]]

    weighed = ours.log_likelihoods(begun, tails)

    for tail, nats in zip(tails, weighed, strict=True):
        ids = torch.tensor([begun + tail])
        with torch.no_grad():
            likelihoods = model(ids).logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])
        assert nats == pytest.approx(float(likelihoods[len(begun) - 1 :].sum()), rel=1e-4)


def test_a_drafts_likelihood_is_that_of_its_text() -> None:
    sampler = TorchSampler(*base_model.load_embedded(), dtype=torch.float32)

    (draft,) = sampler.draft("My dream is", n=1, seed=0, sampling=Sampling(temperature=0.0))

    assert draft.finished
    assert sampler.log_likelihoods([draft.text.removeprefix("My dream is")], given="My dream is") == pytest.approx(
        [draft.likelihood]
    )


def test_the_same_seed_gives_the_same_drafts(sampler: TorchSampler) -> None:
    assert sampler.draft("My dream is", n=6, seed=7, sampling=SHORT) == sampler.draft(
        "My dream is", n=6, seed=7, sampling=SHORT
    )


def test_another_seed_gives_other_drafts(sampler: TorchSampler) -> None:
    first = sampler.draft("My dream is", n=6, seed=7, sampling=SHORT)
    second = sampler.draft("My dream is", n=6, seed=8, sampling=SHORT)

    assert not {sample.text for sample in first} & {sample.text for sample in second}


def test_a_draft_does_not_depend_on_how_many_others_there_are(sampler: TorchSampler) -> None:
    alone = sampler.draft("My dream is", n=1, seed=7, sampling=SHORT)
    among = sampler.draft("My dream is", n=12, seed=7, sampling=SHORT)

    assert alone[0].text == among[0].text
    assert len({draft.text for draft in among}) == 12


def test_a_draft_begins_with_its_prompt_and_stray_spaces_do_not_matter(sampler: TorchSampler) -> None:
    spaced = sampler.draft(" My dream is  ", n=3, seed=1, sampling=SHORT)
    plain = sampler.draft("My dream is", n=3, seed=1, sampling=SHORT)

    assert spaced == plain
    assert all(sample.text.startswith("My dream is") for sample in plain)


def test_sampling_works_without_onednns_own_operations() -> None:
    class Reordering:
        _reorder_linear_weight = staticmethod(torch.ops.mkldnn._reorder_linear_weight)

    assert not has_packed_linear(object(), torch.float32)
    assert not has_packed_linear(Reordering(), torch.float32)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
def test_this_torch_has_onednns_own_operations() -> None:
    assert has_packed_linear(torch.ops.mkldnn, torch.float32)


@pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="this chip has no bf16")
def test_bf16_gives_about_the_same_log_likelihood(sayings: tuple[str, ...]) -> None:
    model, tokenizer = base_model.load_embedded()
    texts = [*sayings, "ok", "Bonjour ! ça va ?", "☔☔☔"]

    whole = TorchSampler(model, tokenizer, dtype=torch.float32).log_likelihoods(texts)
    half = TorchSampler(model, tokenizer, dtype=torch.bfloat16).log_likelihoods(texts)

    assert half == pytest.approx(whole, rel=0.005)
    assert half != whole


def test_a_device_that_is_not_there_is_refused(model_folder: Path) -> None:
    with pytest.raises(ModelError, match='no device "abacus"'):
        TorchSampler.open(model_folder, device="abacus")


def test_sampling_leaves_the_global_generators_alone(sampler: TorchSampler) -> None:
    before = torch.random.get_rng_state()

    sampler.draft("My", n=2, seed=0, sampling=SHORT)

    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_tags_come_with_the_folder(loaded: Any, tmp_path: Path) -> None:
    tags = {"ada": "ada: ", "bob": "bob, to be clear: "}
    about = model_dir.Manifest(created="", base_model="tiny", authors=("ada", "bob"), tags=tags)
    model_dir.save(tmp_path / "m", loaded.model, loaded.tokenizer, about=about, files={})

    with pytest.raises(ModelError, match="does not know @eve"):
        TorchSampler.open(tmp_path / "m", device="cpu").draft("", n=1, seed=0, author="eve")
