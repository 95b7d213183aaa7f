"""Tokens learnt a second, and the memory it takes, beside the reference recipe run with today's Trainer.

    python benchmarks/training_speed.py                      # GPT-2's shape and vocabulary, random weights
    python benchmarks/training_speed.py --model tiny         # the base in the package
    python benchmarks/training_speed.py --device cuda
    python benchmarks/training_speed.py --rounds 3 --seconds 10    # quicker and rougher

Each side is a process of its own, and they take turns (A B C A B C …), so that a machine that drifts drifts for all.
A token counts where it was a target: padding does not, nor the first token of a block. The first step is not timed.
What a core-second learns differs less on a busy machine. Loading and starting are not speed, but they are in the
memory, which is the peak of the whole process.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reference
import torch
from reference import Reference
from transformers import TrainerCallback

from training.corpus import corpus
from training.learn import batches
from training.learn.finetune import finetune
from training.models import base_model
from training.recipe import recipe_for
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "training" / "sources" / "sample" / "stationmynah.zip"
PIECES = ROOT.parent / "shared" / "data" / "gpt2-tokenizer"
GPT2_PIECES = 50_257
CHIP_FACTS = ("cpu family", "model")  # its number and its name: a name alone may hide the generation
TOY = {"n_layer": 2, "n_embd": 32, "n_head": 2, "n_positions": 128, "vocab_size": 3_000}
MORE = 1_000  # times the same blocks: a GPU is through with them before the time is over
KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}
MODELS = ("124m", "tiny", "toy")  # toy: two narrow layers, to try the program itself
SIDES = {
    "reference": "reference recipe: Trainer, block {context}, batch 1, fp32, dropout .1",
    "dry": "the same without dropout",
    "short": "Trainer, block 128, batch 8, fp32, no dropout",
    "ours": "mynah: whole tweets, {precision}, dropout {dropout}, of unused pieces 1/{negatives}",
    "eighth": "mynah: whole tweets, {precision}, dropout {dropout}, of unused pieces 1/8",
}
OURS = frozenset({"ours", "eighth"})


@dataclass(frozen=True, slots=True)
class Turn:
    """What one process did in its turn."""

    tokens: int
    seconds: float
    core_seconds: float  # of all threads, those that wait for another among them
    steps: int
    peak: int  # bytes of memory, at most
    peak_gpu: int

    @property
    def speed(self) -> float:
        return self.tokens / self.seconds


def main() -> None:
    asked = _parser().parse_args()
    if asked.turn:
        print(json.dumps(take_turn(asked.turn, asked)))
        return
    print(f"{machine(asked.device)}\n{asked.model}, {asked.tweets.name}, {asked.threads or 'all'} threads")
    turns: dict[str, list[Turn]] = {side: [] for side in asked.sides}
    for number in range(asked.rounds):
        for side, taken in turns.items():
            taken.append(_in_a_process(side))
            print(f"  round {number + 1}, {side}: {taken[-1].speed:,.0f} tokens/s", file=sys.stderr, flush=True)
    _table(turns, asked)


def take_turn(side: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Load, learn one step, and then as many as begin within the time."""
    if asked.threads:
        torch.set_num_threads(asked.threads)
    texts = [text.text for text in corpus.build([recognise.read(asked.tweets, asked.tweets.stem)]).train]
    model, tokenizer = load(asked.model, texts)
    model.to(asked.device)
    steps = (_our_steps if side in OURS else _reference_steps)(side, model, tokenizer, texts, asked)
    _wait(model)
    peak_gpu = torch.cuda.max_memory_allocated() if model.device.type == "cuda" else 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {**steps, "peak": peak, "peak_gpu": peak_gpu}


def load(name: str, texts: Sequence[str]) -> tuple[Any, Any]:
    """A model in fp32, and a tokenizer; weights at random where the model is of a size and not a base."""
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = recipe_for(name).shape
    if name == "tiny":
        return base_model.load_base("tiny", texts=(), shape=shape, seed=0)
    own = name == "toy" or not PIECES.exists()
    tokenizer = base_model.train_tokenizer(texts, shape) if own else _gpt2_tokenizer()
    config = TOY if name == "toy" else {"vocab_size": GPT2_PIECES}
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(bos_token_id=0, eos_token_id=0, **config))
    return model, base_model.begin_with_start(tokenizer)


def machine(device: str) -> str:
    """What the figures hold for."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "accelerate"))
    return f"{_chip(device)}, Python {platform.python_version()}, {libraries}"


def _reference_steps(
    side: str, model: Any, tokenizer: Any, texts: Sequence[str], asked: argparse.Namespace
) -> dict[str, Any]:
    whole = Reference(block=base_model.context_of(model))
    recipe = {"reference": whole, "dry": replace(whole, dropout=0.0), "short": Reference(128, 8, 0.0)}[side]
    rows = reference.blocks(tokenizer, texts, block=recipe.block, seed=0) * MORE
    watch = _Stopwatch(model, asked.seconds)
    reference.train(model, rows, recipe, seed=1, watch=[watch])
    return {
        "tokens": watch.steps * recipe.batch * (recipe.block - 1),
        "seconds": watch.seconds,
        "core_seconds": watch.core_seconds,
        "steps": watch.steps,
    }


def _our_steps(
    side: str, model: Any, tokenizer: Any, texts: Sequence[str], asked: argparse.Namespace
) -> dict[str, Any]:
    recipe = recipe_for(asked.model)
    recipe = replace(recipe, epochs=1e9, max_steps=10**9, threads=asked.threads or recipe.threads)
    recipe = replace(recipe, batch_tokens=asked.batch_tokens or recipe.batch_tokens)
    recipe = replace(recipe, negatives=8 if side == "eighth" else recipe.negatives)
    rows = batches.encode(tokenizer, texts, min(recipe.shape.context, base_model.context_of(model)))
    steps = finetune(model, rows, [], recipe, seed=1)
    next(steps)
    _wait(model)
    began, core_began = time.perf_counter(), time.process_time()
    tokens = 0
    for step in steps:
        tokens += step.tokens
        if time.perf_counter() - began >= asked.seconds:
            break
    _wait(model)
    return {
        "tokens": tokens,
        "seconds": time.perf_counter() - began,
        "core_seconds": time.process_time() - core_began,
        "steps": step.number - 1,
    }


class _Stopwatch(TrainerCallback):  # type: ignore[misc]
    """Starts after the first step, and stops the Trainer after the last."""

    def __init__(self, model: Any, limit: float) -> None:
        self.steps = -1
        self.seconds = 0.0
        self.core_seconds = 0.0
        self._model = model
        self._limit = limit
        self._began = self._core_began = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        if self.steps < 0:
            _wait(self._model)
            self._began, self._core_began = time.perf_counter(), time.process_time()
        self.steps += 1
        if self.steps and time.perf_counter() - self._began >= self._limit:
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        _wait(self._model)
        self.seconds, self.core_seconds = time.perf_counter() - self._began, time.process_time() - self._core_began


def _wait(model: Any) -> None:
    """A GPU answers before it is done."""
    if model.device.type == "cuda":
        torch.cuda.synchronize()


def _in_a_process(side: str) -> Turn:
    command = [sys.executable, *sys.argv, "--turn", side]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Turn(**json.loads(done.stdout.splitlines()[-1]))


def _table(turns: dict[str, list[Turn]], asked: argparse.Namespace) -> None:
    bare = statistics.median(turn.speed for turn in next(iter(turns.values())))
    print(
        f"{'':70}{'tokens/s':>10}{'min':>8}{'max':>8}{'ratio':>8}{'a core-s':>10}{'peak MB':>9}{'GPU MB':>8}   medians"
    )
    for name, side in zip(_names(asked), turns.values(), strict=True):
        speeds = [turn.speed for turn in side]
        middle = statistics.median(speeds)
        each = statistics.median(turn.tokens / turn.core_seconds for turn in side)
        peak, peak_gpu = (max(sizes) >> 20 for sizes in zip(*((one.peak, one.peak_gpu) for one in side), strict=True))
        print(
            f"{name:70}{middle:10,.0f}{min(speeds):8,.0f}{max(speeds):8,.0f}{middle / bare:7.2f}x"
            f"{each:10,.0f}{peak:9,}{peak_gpu:8,}"
        )


def _names(asked: argparse.Namespace) -> Iterator[str]:
    from training.learn.finetune import has_bf16

    facts = {
        "context": {"124m": 1024, "tiny": 256, "toy": 128}[asked.model],
        "precision": "bf16" if has_bf16(torch.device(asked.device)) else "fp32",
        "dropout": recipe_for(asked.model).dropout,
        "negatives": recipe_for(asked.model).negatives,
    }
    return (SIDES[side].format_map(facts) for side in asked.sides)


def _gpt2_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = Tokenizer(models.BPE.from_file(str(PIECES / "vocab.json"), str(PIECES / "merges.txt")))
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=pieces, bos_token=reference.END, eos_token=reference.END)


def _chip(device: str) -> str:
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    facts = Path("/proc/cpuinfo").read_text(encoding="utf-8") if sys.platform == "linux" else ""
    said = [line.partition(":")[2].strip() for line in facts.splitlines() if line.startswith(CHIP_FACTS)]
    ceilings = ", ".join(f"{name} {_billions(kind):,.0f}" for name, kind in KINDS.items())
    return f"{platform.machine()} {' '.join(said[:3])}, {torch.get_num_threads()} threads, GFLOP/s: {ceilings}"


def _billions(kind: torch.dtype) -> float:
    """Of products and sums a second, where the matrices are those of a GPT-2."""
    left, right = torch.randn(1024, 768, dtype=kind), torch.randn(768, 3072, dtype=kind)
    times = []
    for _ in range(9):
        began = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - began)
    return 2 * left.numel() * right.shape[1] / min(times) / 1e9


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Tokens learnt a second, beside the reference recipe.")
    parser.add_argument("tweets", type=Path, nargs="?", default=SAMPLE, help="whatever `mynah import` reads")
    parser.add_argument("--model", choices=MODELS, default="124m", help="its shape; tiny is the base in the package")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20, help="of learning in each turn, after the first step")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), help="the first is the measure")
    parser.add_argument("--batch-tokens", type=int, default=0, help="a step of ours; 0: as the recipe has it")
    parser.add_argument("--threads", type=int, default=0, help="0: torch decides, and our recipe for ours")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--turn", choices=SIDES, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
