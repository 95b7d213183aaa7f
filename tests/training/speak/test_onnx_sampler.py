"""The light engine gives the same drafts as torch, in a process without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.installed import SENTENCES
from tests.training.lightened import lightened
from training.errors import ModelError
from training.models import model_dir
from training.profile import memory
from training.speak import onnx_weights
from training.speak.onnx_engine import Cache
from training.speak.onnx_sampler import OnnxSampler
from training.speak.torch_engine import TorchSampler
from training.speak.types import Sampling

if TYPE_CHECKING:
    from pathlib import Path

HOT = Sampling(temperature=1.5)
TAGS = {"ada": "ada: ", "bob": "bob, to be clear: "}


@pytest.fixture(scope="module")
def folder(talker: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    version, light = lightened(talker / "current", tmp_path_factory.mktemp("light") / "m", SENTENCES)
    assert not light.why
    return version


@pytest.fixture(scope="module")
def sampler(folder: Path) -> OnnxSampler:
    return OnnxSampler.open(folder, threads=1)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Any:
    return model_dir.load(folder, device="cpu")


@pytest.fixture(scope="module")
def theirs(folder: Path) -> TorchSampler:
    return TorchSampler.open(folder, device="cpu")


@pytest.mark.parametrize("prompt", [" ".join(text.split()[:2]) for text in SENTENCES[:4]])
def test_greedy_drafts_are_those_of_transformers(sampler: OnnxSampler, loaded: Any, prompt: str) -> None:
    inputs = loaded.tokenizer(prompt, return_tensors="pt")
    ids = loaded.model.generate(**inputs, do_sample=False, max_new_tokens=40)
    expected = loaded.tokenizer.decode(ids[0], skip_special_tokens=True).strip()

    (ours,) = sampler.draft(prompt, n=1, seed=0, sampling=Sampling(temperature=0.0, max_tokens=40))

    assert ours.text == expected


def test_first_tokens_have_the_distribution_of_transformers(sampler: OnnxSampler, loaded: Any) -> None:
    """Pearson's chi-square against the softmax itself, over the first token of 3,000 drafts."""
    n = 3_000
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([[loaded.tokenizer.bos_token_id]])).logits[0, -1]
    likely = logits.float().softmax(-1).double().numpy()
    batch = sampler._engine.begin([loaded.tokenizer.bos_token_id], n, 1)
    uniforms = [lambda at=at: (at + 0.5) / n for at in np.random.default_rng(5).permutation(n)]

    counts = Counter(token for token, _ in batch.sample(uniforms, 1.0, 1.0))

    often = [token for token in range(len(likely)) if n * likely[token] >= 5]
    chi = sum((counts[token] - n * likely[token]) ** 2 / (n * likely[token]) for token in often)
    assert len(often) > 3
    assert chi < 3 * len(often)  # draws spread evenly: what is left is what 8 bits cost


@pytest.mark.parametrize("text", SENTENCES)
def test_its_log_likelihoods_are_those_of_torch(sampler: OnnxSampler, theirs: TorchSampler, text: str) -> None:
    first = text.partition(" ")[0]
    rest = text.removeprefix(first)

    ours = [*sampler.log_likelihoods([text]), *sampler.log_likelihoods([rest], given=first)]

    assert ours == pytest.approx(
        [*theirs.log_likelihoods([text]), *theirs.log_likelihoods([rest], given=first)], rel=0.05, abs=0.02
    )


def test_the_same_seed_gives_the_same_drafts_and_another_gives_others(sampler: OnnxSampler) -> None:
    first = sampler.draft("", n=6, seed=7, sampling=HOT)

    assert first == sampler.draft("", n=6, seed=7, sampling=HOT)
    assert first != sampler.draft("", n=6, seed=8, sampling=HOT)


def test_drafts_are_yielded_as_they_end_and_are_the_same(sampler: OnnxSampler) -> None:
    streamed = list(sampler.stream("", n=6, seed=7, sampling=HOT))

    assert [sample for _, sample in sorted(streamed, key=lambda one: one[0])] == sampler.draft(
        "", n=6, seed=7, sampling=HOT
    )


def test_a_drafts_likelihood_is_that_of_its_text(sampler: OnnxSampler) -> None:
    """In one reading from its start, whatever rows left the batch beside it."""
    drafts = [draft for draft in sampler.draft("", n=12, seed=3, sampling=Sampling(top_p=1.0)) if draft.finished]

    assert len({len(draft.text) for draft in drafts}) > 3
    weights = sampler.log_likelihoods([draft.text for draft in drafts])
    respelt = [abs(draft.likelihood - weight) < 0.03 for draft, weight in zip(drafts, weights, strict=True)]
    assert sum(respelt) > len(drafts) / 2  # a text may be spelt in other pieces than it was sampled in


def test_finished_rows_do_not_change_the_others(sampler: OnnxSampler) -> None:
    engine = sampler._engine
    start = sampler._start
    chance = np.random.default_rng(0)
    batch = engine.begin([start, 5], 8, 20)
    rows = [[start, 5] for _ in range(8)]
    for kept in ([0, 1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 7], [0, 2, 3, 5], [0, 3], [1], [0]):
        tokens = chance.integers(1, engine.architecture.vocabulary, len(kept)).tolist()
        rows = [[*rows[row], token] for row, token in zip(kept, tokens, strict=True)]
        batch.advance(tokens, kept)

        alone = [
            Cache(engine, 1, len(row)).read(np.asarray([row]), np.asarray([len(row) - 1])).argmax() for row in rows
        ]
        greedy = batch.sample([lambda: 1.0] * len(rows), 0.0, 1.0)
        assert [token for token, _ in greedy] == alone


def test_the_tags_come_with_the_folder(talker: Path, tmp_path: Path) -> None:
    folder, _ = lightened(talker / "current", tmp_path / "m", SENTENCES, tags=TAGS)

    with pytest.raises(ModelError, match="does not know @eve, only @ada, @bob"):
        OnnxSampler.open(folder).draft("", n=1, seed=0, author="eve")


def test_a_prompt_that_fills_the_context_is_refused(sampler: OnnxSampler) -> None:
    with pytest.raises(ModelError, match="shorten it"):
        sampler.draft("crumb ☔ " * 200, n=1, seed=0)


def test_a_draft_may_be_as_long_as_the_context_and_no_longer(sampler: OnnxSampler) -> None:
    drafts = sampler.draft("", n=4, seed=1, sampling=Sampling(temperature=3.0, max_tokens=1_000))

    assert all(draft.text for draft in drafts)


SPEAK = """
import sys
from pathlib import Path
from training.speak import engines
folder = Path(sys.argv[1])
_, sampler = engines.open_sampler(folder, engine="auto", device="cpu", threads=1)
sampler.draft("", n=2, seed=0)
sampler.log_likelihoods(["hello"], given="you")
print(sorted({"torch", "transformers", "safetensors", "onnx"} & set(sys.modules)))
"""


def test_it_drafts_without_torch(folder: Path) -> None:
    process = subprocess.run([sys.executable, "-c", SPEAK, folder], capture_output=True, text=True, check=True)

    assert process.stdout.strip() == "[]"


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.mark.parametrize("name", [onnx_weights.FILE, "tokenizer.json", memory.FILE])
def test_a_changed_file_is_refused(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[-9] ^= 1
    (copy / name).write_bytes(content)

    with pytest.raises(ModelError, match=f"{name} is not what was written"):
        OnnxSampler.open(copy)


def test_the_weights_for_torch_must_exist_but_are_not_checked(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(bytes(weights.stat().st_size))  # five hundred megabytes are not read to see this

    assert OnnxSampler.open(copy).draft("", n=1, seed=0)
    with pytest.raises(ModelError, match="is not what was written"):
        TorchSampler.open(copy, device="cpu")


def test_a_folder_without_a_light_form_is_refused(model_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"does not list light\.safetensors"):
        OnnxSampler.open(model_folder)


def test_a_listed_file_that_is_not_a_light_form_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").write_text("{}")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["tokenizer.json"] = [model_dir._digest(copy / "tokenizer.json"), 2]
    (copy / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(ModelError, match=r"tokenizer\.json does not load"):
        OnnxSampler.open(copy)
