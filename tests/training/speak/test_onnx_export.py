from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoConfig, GPTNeoForCausalLM

from tests.installed import SENTENCES
from tests.training.families import FAMILIES, PIECES, family
from tests.training.retraining.runs import run, small, version_of
from training import installation
from training.errors import ModelError
from training.learn import batches
from training.models import model_dir
from training.speak import onnx_export, onnx_weights
from training.speak.onnx_engine import OnnxEngine
from training.speak.onnx_sampler import OnnxSampler
from training.speak.types import Sampling

if TYPE_CHECKING:
    from pathlib import Path

    from training.retraining.job import Progress


@pytest.fixture(scope="module")
def loaded(talker: Path) -> Any:
    return model_dir.load(talker / "current", device="cpu")


@pytest.fixture(scope="module")
def rows(loaded: Any) -> list[list[int]]:
    return batches.encode(loaded.tokenizer, SENTENCES, 64)


def test_a_light_form_is_made_and_compared_with_the_model(loaded: Any, rows: list[list[int]], tmp_path: Path) -> None:
    light = onnx_export.export_onnx(loaded.model, loaded.tokenizer, rows, tmp_path)

    assert list(light.files) == [onnx_weights.FILE]
    assert 0 < light.figures["light_off"] < onnx_export.OFF_MOST
    assert light.figures["light_same"] >= onnx_export.SAME_LEAST
    assert not list(tmp_path.iterdir())


def test_a_light_form_that_differs_is_left_out_with_a_message(
    loaded: Any, rows: list[list[int]], tmp_path: Path
) -> None:
    class Drifting:
        """Weights that change once they are written."""

        def __init__(self, model: Any) -> None:
            self.config, self.device, self.state_dict = model.config, model.device, model.state_dict
            self.other = copy.deepcopy(model)
            with torch.no_grad():
                self.other.transformer.h[0].mlp.c_fc.weight.mul_(1.5)

        def __call__(self, ids: torch.Tensor) -> Any:
            return self.other(ids)

    light = onnx_export.export_onnx(Drifting(loaded.model), loaded.tokenizer, rows, tmp_path)

    assert not light.files
    assert "% at most" in light.why


def test_another_architecture_is_left_out_with_a_message(loaded: Any, rows: list[list[int]], tmp_path: Path) -> None:
    other = GPTNeoForCausalLM(
        GPTNeoConfig(hidden_size=32, num_layers=2, num_heads=2, attention_types=[[["global"], 2]], vocab_size=320)
    )

    light = onnx_export.export_onnx(other, loaded.tokenizer, rows, tmp_path)

    assert light.why == "no light form for a machine without torch: gpt_neo is not written out here."


def test_unsupported_heads_are_left_out_with_a_message(loaded: Any, rows: list[list[int]], tmp_path: Path) -> None:
    other = GPT2LMHeadModel(GPT2Config(n_embd=36, n_layer=1, n_head=12, vocab_size=320))

    light = onnx_export.export_onnx(other, loaded.tokenizer, rows, tmp_path)

    assert light.why.endswith("it knows heads of 8, 16, … numbers, and these are 3 wide.")


def test_an_error_of_the_runtime_is_a_model_error(loaded: Any, tmp_path: Path) -> None:
    other = GPT2LMHeadModel(GPT2Config(n_embd=36, n_layer=1, n_head=12, vocab_size=320))
    path = tmp_path / onnx_weights.FILE
    path.write_bytes(onnx_weights.write(other, start=0, end=0))

    with pytest.raises(ModelError, match="ONNX Runtime cannot run"):
        OnnxEngine(path, threads=1).log_likelihoods([0], [[1, 2]])


def test_the_comparison_detects_a_model_that_differs(loaded: Any, rows: list[list[int]], tmp_path: Path) -> None:
    path = tmp_path / onnx_weights.FILE
    path.write_bytes(onnx_weights.write(loaded.model, start=0, end=0))
    changed = copy.deepcopy(loaded.model)
    with torch.no_grad():
        changed.transformer.wte.weight.mul_(1.05)

    near = onnx_export.compare(loaded.model, OnnxEngine(path, threads=1), rows)
    far = onnx_export.compare(changed, OnnxEngine(path, threads=1), rows)

    assert near.most < far.most
    assert near.same >= far.same


def test_one_row_that_differs_is_not_averaged_away(loaded: Any, rows: list[list[int]], tmp_path: Path) -> None:
    path = tmp_path / onnx_weights.FILE
    path.write_bytes(onnx_weights.write(loaded.model, start=0, end=0))
    tokens = {token for row in rows for token in row}
    unseen = next(token for token in range(loaded.model.config.vocab_size) if token not in tokens)
    changed = copy.deepcopy(loaded.model)
    with torch.no_grad():
        changed.transformer.wte.weight[unseen].mul_(4)
    odd = [rows[0][0], *[unseen] * 8]

    among_others = onnx_export.compare(changed, OnnxEngine(path, threads=1), [*rows, odd]).most
    alone = onnx_export.compare(changed, OnnxEngine(path, threads=1), [odd]).most

    assert among_others == alone > onnx_export.OFF_MOST


@pytest.mark.parametrize("none", [[], [[1]]], ids=["no rows", "rows of nothing but a beginning"])
def test_without_texts_it_is_compared_on_the_models_own_samples(
    none: list[list[int]], loaded: Any, tmp_path: Path
) -> None:
    light = onnx_export.export_onnx(loaded.model, loaded.tokenizer, none, tmp_path)

    assert list(light.files) == [onnx_weights.FILE]
    assert 0 < light.figures["light_off"] < onnx_export.OFF_MOST


def test_without_texts_a_form_that_differs_is_detected_too(loaded: Any, tmp_path: Path) -> None:
    other = copy.deepcopy(loaded.model)
    with torch.no_grad():
        other.transformer.h[0].mlp.c_fc.weight.mul_(1.5)
    model = copy.deepcopy(loaded.model)
    model.state_dict = other.state_dict  # what is written is not what speaks

    light = onnx_export.export_onnx(model, loaded.tokenizer, [], tmp_path)

    assert not light.files
    assert "% at most" in light.why


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "apart"])
@pytest.mark.parametrize(
    "shape",
    [
        {"n_embd": 64, "n_layer": 1, "n_head": 1},
        {"n_embd": 96, "n_layer": 3, "n_head": 6},
        {"n_embd": 200, "n_layer": 2, "n_head": 5},
    ],
    ids=["one", "three", "crooked"],
)
@pytest.mark.parametrize("gelu", ["gelu_new", "gelu"])
def test_any_gpt2_has_a_light_form_that_is_close(shape: dict[str, int], gelu: str, tied: bool, tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    config = GPT2Config(
        **shape, vocab_size=130, n_positions=50, activation_function=gelu, tie_word_embeddings=tied,
        initializer_range=0.2,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    path = tmp_path / onnx_weights.FILE
    path.write_bytes(onnx_weights.write(model, start=0, end=0))
    rows = torch.randint(1, 130, (4, 40), generator=torch.Generator().manual_seed(0)).tolist()

    close = onnx_export.compare(model, OnnxEngine(path, threads=1), rows)

    assert close.mean < onnx_export.MEAN_OFF_MOST
    assert close.most < onnx_export.OFF_MOST
    assert close.same > 0.9  # a model of chance weights is often undecided


def test_a_retraining_writes_the_light_form_and_lists_it_in_the_manifest(tmp_path: Path) -> None:
    version = version_of(run(small(tmp_path / "models")))

    manifest = model_dir.check(version)
    assert onnx_weights.FILE in manifest.files
    assert manifest.figures["light_off"] < onnx_export.OFF_MOST
    assert OnnxSampler.open(version, threads=1).draft("", n=1, seed=0, sampling=Sampling(max_tokens=4))


def test_a_retraining_without_the_library_reports_it_and_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "training.speak.onnx_engine", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    reports: list[Progress] = []

    version = version_of(run(small(tmp_path / "models"), reports=reports))

    assert onnx_weights.FILE not in model_dir.check(version).files
    assert any(
        f"onnxruntime is not installed ({installation.command('speak')})" in progress.note for progress in reports
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_every_known_architecture_has_a_light_form_that_is_close(name: str, tmp_path: Path) -> None:
    model = family(name)
    path = tmp_path / onnx_weights.FILE
    path.write_bytes(onnx_weights.write(model, start=0, end=0))
    rows = torch.randint(1, PIECES, (4, 40), generator=torch.Generator().manual_seed(0)).tolist()

    close = onnx_export.compare(model, OnnxEngine(path, threads=1), rows)

    assert close.mean < onnx_export.MEAN_OFF_MOST
    assert close.most < onnx_export.OFF_MOST
    assert close.same > 0.9  # a model of chance weights is often undecided


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_of_every_known_architecture_grow_as_they_are_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / onnx_weights.FILE
    path.write_bytes(onnx_weights.write(family(name), start=0, end=0))
    engine = OnnxEngine(path, threads=1)
    batch, scores = engine.begin([0, 7, 9], 2, 6), [0.0, 0.0]
    tails: list[list[int]] = [[], []]
    for step in range(6):
        chosen = batch.sample([lambda: 0.5] * 2, 0.0, 1.0)
        scores = [score + nats for score, (_, nats) in zip(scores, chosen, strict=True)]
        tails = [[*tail, token] for tail, (token, _) in zip(tails, chosen, strict=True)]
        if step < 5:
            batch.advance([tail[-1] for tail in tails], [0, 1])

    assert scores == pytest.approx(engine.log_likelihoods([0, 7, 9], tails), rel=0.01)
