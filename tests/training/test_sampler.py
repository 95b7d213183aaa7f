from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from training import model_dir
from training.errors import ModelError
from training.sampler import Sampler

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def sampler(model_folder: Path) -> Sampler:
    return Sampler.open(model_folder, device="cpu")


@pytest.fixture(scope="module")
def loaded(model_folder: Path) -> Any:
    return model_dir.load(model_folder, device="cpu")


@pytest.mark.parametrize("prompt", ["My dream is", "", "Rain ☔"], ids=["words", "nothing", "emoji"])
def test_greedy_drafts_are_token_for_token_those_of_transformers(sampler: Sampler, loaded: Any, prompt: str) -> None:
    asked = loaded.tokenizer(prompt, return_tensors="pt")
    theirs = loaded.model.generate(**asked, do_sample=False, max_new_tokens=40)
    expected = loaded.tokenizer.decode(theirs[0], skip_special_tokens=True).strip()

    (ours,) = sampler.draft(prompt, n=1, seed=0, temperature=0.0, max_tokens=40)

    assert ours.text == expected


def test_the_same_seed_gives_the_same_drafts(sampler: Sampler) -> None:
    first = sampler.draft("My dream is", n=6, seed=7)
    second = sampler.draft("My dream is", n=6, seed=7)

    assert first == second


def test_another_seed_gives_other_drafts(sampler: Sampler) -> None:
    first = sampler.draft("My dream is", n=6, seed=7)
    second = sampler.draft("My dream is", n=6, seed=8)

    assert not {sample.text for sample in first} & {sample.text for sample in second}


def test_a_draft_begins_with_its_prompt_and_stray_spaces_do_not_matter(sampler: Sampler) -> None:
    spaced = sampler.draft(" My dream is  ", n=3, seed=1)
    plain = sampler.draft("My dream is", n=3, seed=1)

    assert spaced == plain
    assert all(sample.text.startswith("My dream is") for sample in plain)


def test_a_draft_cut_off_at_the_limit_says_so(sampler: Sampler) -> None:
    (sample,) = sampler.draft("My", n=1, seed=0, temperature=0.0, max_tokens=1)

    assert not sample.finished


def test_rows_that_leave_the_batch_early_do_not_change_the_others(model_folder: Path) -> None:
    sampler = Sampler.open(model_folder, device="cpu")
    begun = sampler._encode("My")
    choose = _Ending(sampler._end)

    with torch.no_grad():
        tails, scores = sampler._decode(begun, 8, 30, choose)

    assert [len(tail) for tail in tails] == [3, 1, 4, 1, 5, 9, 2, 6]
    assert scores == pytest.approx([_score(sampler, begun, tail) for tail in tails], rel=1e-4)


class _Ending:
    """Chooses by chance, and ends each row at a length of its own."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.left = [3, 1, 4, 1, 5, 9, 2, 6]
        self.chance = torch.Generator().manual_seed(0)

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        chosen = logits.softmax(-1).multinomial(1, generator=self.chance)
        chosen[chosen == self.end] += 1
        self.left = [left - 1 for left in self.left]
        chosen[torch.tensor(self.left) == 0] = self.end
        self.left = [left for left in self.left if left]
        return chosen


def _score(sampler: Sampler, begun: list[int], tail: list[int]) -> float:
    """What the model thinks of the new tokens, in one pass and without any cache."""
    ids = torch.tensor([begun + tail])
    with torch.no_grad():
        told = sampler._model(ids).logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])
    return float(told[len(begun) - 1 :].sum())


def test_nothing_outside_the_nucleus_is_ever_said(sampler: Sampler) -> None:
    nearly_greedy = sampler.draft("My dream is", n=4, seed=3, top_p=1e-6, max_tokens=20)
    greedy = sampler.draft("My dream is", n=4, seed=3, temperature=0.0, max_tokens=20)

    assert nearly_greedy == greedy


def test_an_end_token_written_out_in_the_prompt_is_text(sampler: Sampler) -> None:
    ids = sampler._encode("<|endoftext|>")

    assert ids.count(sampler._end) == 1


def test_a_prompt_that_fills_the_context_is_refused(sampler: Sampler) -> None:
    with pytest.raises(ModelError, match="shorten it"):
        sampler.draft("crumb ☔ " * 200, n=1, seed=0)


def test_a_device_that_is_not_there_is_refused(model_folder: Path) -> None:
    with pytest.raises(ModelError, match='no device "abacus"'):
        Sampler.open(model_folder, device="abacus")


def test_speaking_leaves_the_global_dice_alone(sampler: Sampler) -> None:
    before = torch.random.get_rng_state()

    sampler.draft("My", n=2, seed=0, max_tokens=5)

    assert torch.equal(torch.random.get_rng_state(), before)


TAGS = {"ada": "ada: ", "bob": "bob, to be clear: "}


@pytest.fixture(scope="module")
def cyborg(loaded: Any) -> Sampler:
    """Two voices in one model; as sure as it is of nothing, it says other things behind other tags."""
    return Sampler(loaded.model, loaded.tokenizer, TAGS)


def test_a_tag_is_heard_and_not_said(cyborg: Sampler, loaded: Any) -> None:
    (theirs,) = Sampler(loaded.model, loaded.tokenizer).draft("ada:", n=1, seed=0, temperature=0.0, max_tokens=20)

    (ours,) = cyborg.draft("", n=1, seed=0, temperature=0.0, max_tokens=20, author="ada")

    assert not ours.text.startswith("ada")
    assert theirs.text.startswith("ada:")


def test_a_prompt_stands_behind_the_tag(cyborg: Sampler) -> None:
    drafts = cyborg.draft("My dream is", n=4, seed=3)

    assert all(draft.text.startswith("My dream is") for draft in drafts)


def test_the_seed_chooses_who_speaks_and_others_say_other_things(cyborg: Sampler) -> None:
    mixed = cyborg.draft("", n=8, seed=3)
    voices = cyborg._voices(None, 8, 3)

    assert mixed == cyborg.draft("", n=8, seed=3)
    assert set(voices) == {"ada", "bob"}


def test_an_author_whom_the_model_does_not_know_is_refused(cyborg: Sampler) -> None:
    with pytest.raises(ModelError, match="does not know @eve, only @ada, @bob"):
        cyborg.draft("", n=1, seed=0, author="eve")


def test_a_model_without_tags_speaks_as_nobody_alone(sampler: Sampler) -> None:
    with pytest.raises(ModelError, match="cannot speak as @ada alone"):
        sampler.draft("", n=2, seed=1, author="ada")


def test_the_tags_come_with_the_folder(loaded: Any, tmp_path: Path) -> None:
    about = model_dir.Manifest(created="", base_model="tiny", authors=("ada", "bob"), tags=TAGS)
    model_dir.save(tmp_path / "m", loaded.model, loaded.tokenizer, about=about, files={})

    with pytest.raises(ModelError, match="does not know @eve"):
        Sampler.open(tmp_path / "m", device="cpu").draft("", n=1, seed=0, author="eve")
