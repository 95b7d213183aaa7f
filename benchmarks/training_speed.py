"""Training tokens per second, and memory, compared with the reference recipe in today's Trainer.

    python benchmarks/training_speed.py                      # GPT-2's shape and vocabulary, random weights
    python benchmarks/training_speed.py --model tiny         # the base in the package
    python benchmarks/training_speed.py --device cuda
    python benchmarks/training_speed.py --rounds 3 --seconds 10    # quicker and rougher

Each side is a process of its own, and they take turns (A B C A B C …), so that a machine that drifts drifts for all.
A token counts if it was a target: padding does not, nor the first token of a block. The first step is not timed.
Tokens per core-second vary less on a busy machine. Loading is not timed, but the memory is the peak of the whole
process.
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
CHIP_FACTS = ("cpu family", "model")  # number and name: the name alone may not tell the generation
TOY = {"n_layer": 2, "n_embd": 32, "n_head": 2, "n_positions": 128, "vocab_size": 3_000}
MORE = 1_000  # repetitions of the blocks: a GPU finishes them before the time is over
KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}
MODELS = ("124m", "tiny", "smollm2", "toy")  # toy: two narrow layers, to try the program itself
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
    """The measurements of one process in one turn."""

    tokens: int
    seconds: float
    core_seconds: float  # of all threads, waiting ones included
    steps: int
    peak: int  # bytes of memory, at most
    peak_gpu: int

    @property
    def speed(self) -> float:
        return self.tokens / self.seconds


def main() -> None:
    args = _parser().parse_args()
    if args.turn:
        print(json.dumps(take_turn(args.turn, args)))
        return
    print(f"{machine(args.device)}\n{args.model}, {args.tweets.name}, {args.threads or 'all'} threads")
    turns: dict[str, list[Turn]] = {side: [] for side in args.sides}
    for number in range(args.rounds):
        for side, side_turns in turns.items():
            side_turns.append(_in_a_process(side))
            print(f"  round {number + 1}, {side}: {side_turns[-1].speed:,.0f} tokens/s", file=sys.stderr, flush=True)
    _table(turns, args)


def take_turn(side: str, args: argparse.Namespace) -> dict[str, Any]:
    """Load, train for one step, and then for as many as begin within the time."""
    if args.threads:
        torch.set_num_threads(args.threads)
    texts = [text.text for text in corpus.build([recognise.read(args.tweets, args.tweets.stem)]).train]
    model, tokenizer = load(args.model, texts)
    model.to(args.device)
    steps = (_our_steps if side in OURS else _reference_steps)(side, model, tokenizer, texts, args)
    _wait(model)
    peak_gpu = torch.cuda.max_memory_allocated() if model.device.type == "cuda" else 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {**steps, "peak": peak, "peak_gpu": peak_gpu}


def load(name: str, texts: Sequence[str]) -> tuple[Any, Any]:
    """A model in fp32 and a tokenizer; the weights are random unless the model is a base."""
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = recipe_for(name).shape
    if name in {"tiny", "smollm2"}:
        return base_model.load_base(name, texts=(), shape=shape, seed=0)
    own = name == "toy" or not PIECES.exists()
    tokenizer = base_model.train_tokenizer(texts, shape) if own else _gpt2_tokenizer()
    config = TOY if name == "toy" else {"vocab_size": GPT2_PIECES}
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(bos_token_id=0, eos_token_id=0, **config))
    return model, base_model.begin_with_start(tokenizer)


def machine(device: str) -> str:
    """The machine and versions that the figures are valid for."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "accelerate"))
    return f"{_chip(device)}, Python {platform.python_version()}, {libraries}"


def _reference_steps(
    side: str, model: Any, tokenizer: Any, texts: Sequence[str], args: argparse.Namespace
) -> dict[str, Any]:
    whole = Reference(block=min(Reference().block, base_model.context_of(model)))
    recipe = {"reference": whole, "dry": replace(whole, dropout=0.0), "short": Reference(128, 8, 0.0)}[side]
    rows = reference.blocks(tokenizer, texts, block=recipe.block, seed=0) * MORE
    watch = _Stopwatch(model, args.seconds)
    reference.train(model, rows, recipe, seed=1, watch=[watch])
    return {
        "tokens": watch.steps * recipe.batch * (recipe.block - 1),
        "seconds": watch.seconds,
        "core_seconds": watch.core_seconds,
        "steps": watch.steps,
    }


def _our_steps(side: str, model: Any, tokenizer: Any, texts: Sequence[str], args: argparse.Namespace) -> dict[str, Any]:
    recipe = recipe_for(args.model)
    recipe = replace(recipe, epochs=1e9, max_steps=10**9, threads=args.threads or recipe.threads)
    recipe = replace(recipe, batch_tokens=args.batch_tokens or recipe.batch_tokens)
    recipe = replace(recipe, negatives=8 if side == "eighth" else recipe.negatives)
    rows = batches.encode(tokenizer, texts, min(recipe.shape.context, base_model.context_of(model)))
    steps = finetune(model, rows, [], recipe, seed=1)
    next(steps)
    _wait(model)
    began, core_began = time.perf_counter(), time.process_time()
    tokens = 0
    for step in steps:
        tokens += step.tokens
        if time.perf_counter() - began >= args.seconds:
            break
    _wait(model)
    return {
        "tokens": tokens,
        "seconds": time.perf_counter() - began,
        "core_seconds": time.process_time() - core_began,
        "steps": step.number - 1,
    }


class _Stopwatch(TrainerCallback):  # type: ignore[misc]
    """Times the steps after the first, and stops the Trainer when the time is over."""

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
    """Calls to a GPU return before the work is done."""
    if model.device.type == "cuda":
        torch.cuda.synchronize()


def _in_a_process(side: str) -> Turn:
    command = [sys.executable, *sys.argv, "--turn", side]
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Turn(**json.loads(process.stdout.splitlines()[-1]))


def _table(turns: dict[str, list[Turn]], args: argparse.Namespace) -> None:
    baseline = statistics.median(turn.speed for turn in next(iter(turns.values())))
    print(
        f"{'':70}{'tokens/s':>10}{'min':>8}{'max':>8}{'ratio':>8}{'a core-s':>10}{'peak MB':>9}{'GPU MB':>8}   medians"
    )
    for name, side in zip(_names(args), turns.values(), strict=True):
        speeds = [turn.speed for turn in side]
        median = statistics.median(speeds)
        per_core = statistics.median(turn.tokens / turn.core_seconds for turn in side)
        peak, peak_gpu = (
            max(sizes) >> 20 for sizes in zip(*((turn.peak, turn.peak_gpu) for turn in side), strict=True)
        )
        print(
            f"{name:70}{median:10,.0f}{min(speeds):8,.0f}{max(speeds):8,.0f}{median / baseline:7.2f}x"
            f"{per_core:10,.0f}{peak:9,}{peak_gpu:8,}"
        )


def _names(args: argparse.Namespace) -> Iterator[str]:
    from training.learn.precision import has_fast_bf16

    facts = {
        "context": {"124m": 1024, "tiny": 256, "toy": 128}[args.model],
        "precision": "bf16" if has_fast_bf16(torch.device(args.device)) else "fp32",
        "dropout": recipe_for(args.model).dropout,
        "negatives": recipe_for(args.model).negatives,
    }
    return (SIDES[side].format_map(facts) for side in args.sides)


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
    values = [line.partition(":")[2].strip() for line in facts.splitlines() if line.startswith(CHIP_FACTS)]
    ceilings = ", ".join(f"{name} {_billions(kind):,.0f}" for name, kind in KINDS.items())
    return f"{platform.machine()} {' '.join(values[:3])}, {torch.get_num_threads()} threads, GFLOP/s: {ceilings}"


def _billions(kind: torch.dtype) -> float:
    """Billions of multiplications and additions per second, with matrices of GPT-2's size."""
    left, right = torch.randn(1024, 768, dtype=kind), torch.randn(768, 3072, dtype=kind)
    times = []
    for _ in range(9):
        began = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - began)
    return 2 * left.numel() * right.shape[1] / min(times) / 1e9


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Training tokens per second, compared with the reference recipe.")
    parser.add_argument("tweets", type=Path, nargs="?", default=SAMPLE, help="whatever `mynah import` reads")
    parser.add_argument(
        "--model", choices=MODELS, default="124m", help="the model's shape; tiny and smollm2 are the bases"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20, help="of training in each turn, after the first step")
    parser.add_argument(
        "--sides", nargs="+", choices=SIDES, default=list(SIDES), help="what to compare; the first is the baseline"
    )
    parser.add_argument("--batch-tokens", type=int, default=0, help="of our steps; 0: as in the recipe")
    parser.add_argument("--threads", type=int, default=0, help="0: the default of torch, and of our recipe")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--turn", choices=SIDES, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
