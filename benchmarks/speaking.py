"""Drafts per second, and the time to the first, compared with transformers' pipeline with the reference's settings.

    python benchmarks/speaking.py                       # GPT-2's shape and vocabulary, random weights
    python benchmarks/speaking.py --model tiny          # the base in the package
    python benchmarks/speaking.py --model FOLDER        # a model in transformers' format
    python benchmarks/speaking.py --threads 2 --rounds 7
    python benchmarks/speaking.py --sides pipeline bf16 light

Each side is a process of its own that stays, and they take turns (A B C A B C …), so that a machine that drifts drifts
for all. "natural": a draft ends where the model ends it, after 64 tokens at most; the random model ends after any
token with the same chance, so its drafts have 17 on average, and a folder's model where it has learnt to. "forced": no
draft ends before its 64th token. The prompt has more than ten tokens, so that the pipeline's min_length of 10 makes
none of its drafts longer than ours.

Drafts per core-second vary less on a busy machine. The first use of each side is not timed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import training_speed

from training.models import base_model
from training.recipe import Shape
from training.speak.sampler import Sampler
from training.speak.torch_engine import DecoderEngine, TransformersEngine
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOM = 64  # new tokens
PROMPT = "My dream is a small and very quiet house by the sea with a"
WORDS = 40  # that the random model prefers, all equally: fewer than the pipeline's top_k of 50
OTHERS = 0.02  # the chance of all its other pieces together
MEAN = 17  # tokens of its drafts, about those of a tweet (huggingtweets' data: 15 to 36)
SIDES = {
    "pipeline": "transformers' pipeline: top_k 50, top_p .95, min_length 10",
    "theirs": "mynah's sampler on transformers' model and cache, fp32",
    "fp32": "mynah, fp32",
    "bf16": "mynah, bf16",
    "light": "mynah, light voice, int8",
}
TASKS = ("natural", "forced", "one")  # one: a single draft, forced


@dataclass(frozen=True, slots=True)
class Turn:
    """The measurements of one task of one side."""

    drafts: int
    tokens: float  # a draft, on average
    seconds: float
    core_seconds: float
    first: float  # seconds until the first draft was finished


def main() -> None:
    args = _parser().parse_args()
    if args.side:
        _work(args)
        return
    print(f"{training_speed.machine('cpu')}\n{args.model}, {args.n} drafts, {args.threads} threads")
    workers = {side: _start(side) for side in args.sides}
    turns: dict[tuple[str, str], list[Turn]] = {(side, task): [] for side in workers for task in TASKS}
    try:
        for worker in workers.values():  # all are loaded before any is timed
            _answer(worker)
        for number in range(args.rounds):
            for (side, task), side_turns in turns.items():
                side_turns.append(Turn(**_ask(workers[side], f"{task} {number}")))
            print(f"  round {number + 1} of {args.rounds}", file=sys.stderr, flush=True)
    finally:
        for worker in workers.values():
            worker.communicate()  # end of input: it removes its files and exits
    _table(turns, args.sides)


def _start(side: str) -> subprocess.Popen[str]:
    command = [sys.executable, *sys.argv, "--side", side]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ask(worker: subprocess.Popen[str], task: str) -> dict[str, Any]:
    assert worker.stdin
    worker.stdin.write(f"{task}\n")
    worker.stdin.flush()
    return _answer(worker)


def _answer(worker: subprocess.Popen[str]) -> dict[str, Any]:
    assert worker.stdout
    line = worker.stdout.readline()
    if not line:
        raise SystemExit("A side has stopped; its error message is above.")
    reply: dict[str, Any] = json.loads(line)
    return reply


def _work(args: argparse.Namespace) -> None:
    """The side's own process: load, warm up, and then do one task per line of input."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model, tokenizer = _load(args.model)
    with tempfile.TemporaryDirectory() as folder:
        speak = SPEAKERS[args.side](model.eval(), tokenizer, Path(folder), args.threads)
        for task in TASKS:
            _turn(speak, tokenizer, task, args.n, seed=99)
        print("{}", flush=True)
        for line in sys.stdin:
            task, seed = line.split()
            print(json.dumps(_turn(speak, tokenizer, task, args.n, int(seed))), flush=True)


def _load(name: str) -> tuple[Any, Any]:
    if Path(name).is_dir():
        return base_model.load_base(str(Path(name).resolve()), texts=(), shape=Shape(), seed=0)
    model, tokenizer = training_speed.load(name, [PROMPT])
    if name != "tiny":
        _end_by_chance(model, tokenizer)
    return model, tokenizer


def _turn(
    speak: Callable[[str, int, int], Iterator[str]], tokenizer: Any, task: str, n: int, seed: int
) -> dict[str, Any]:
    began, core_began = time.perf_counter(), time.process_time()
    drafts, first = [], math.inf
    for draft in speak(task, 1 if task == "one" else n, seed):
        first = min(first, time.perf_counter() - began)
        drafts.append(draft)
    seconds, core_seconds = time.perf_counter() - began, time.process_time() - core_began
    lengths = [len(tokenizer(draft).input_ids) - len(tokenizer(PROMPT).input_ids) for draft in drafts]
    return {
        "drafts": len(drafts),
        "tokens": statistics.mean(lengths),
        "seconds": seconds,
        "core_seconds": core_seconds,
        "first": first,
    }


def _end_by_chance(model: Any, tokenizer: Any) -> None:
    """Make a random model choose among WORDS words with equal probability, and end after one in MEAN of them.

    One dimension of the last hidden state is made constant, and only the embeddings of those words use it.
    """
    words = [
        token_id for piece, token_id in sorted(tokenizer.get_vocab().items()) if piece[1:].isalpha() and piece[0] == "Ġ"
    ]
    pieces, end = model.config.vocab_size, tokenizer.eos_token_id
    heed = math.log(pieces * (1 - OTHERS) / OTHERS / WORDS)
    more = math.log(WORDS / (MEAN - 1))
    with torch.no_grad():
        body = model.transformer
        body.wte.weight[:, 0] = 0
        body.wte.weight[words[:: len(words) // WORDS][:WORDS], 0] = 1
        body.wte.weight[end] = 0
        body.wte.weight[end, 0] = 1 + more / heed
        body.ln_f.weight[0] = 0
        body.ln_f.bias[0] = heed


def _by_pipeline(model: Any, tokenizer: Any, folder: Path, threads: int) -> Any:  # noqa: ARG001  the others' arguments
    from transformers import pipeline, set_seed

    from training.models.model_dir import silence_transformers

    silence_transformers()
    settings = {"do_sample": True, "temperature": 1.0, "top_p": 0.95, "top_k": 50, "min_length": 10}
    pipe: Any = pipeline("text-generation", model=model, tokenizer=tokenizer, device="cpu")
    end = tokenizer.eos_token_id

    def speak(task: str, n: int, seed: int) -> Iterator[str]:
        set_seed(seed)
        ends = end if task == "natural" else -1
        said = pipe(
            PROMPT, num_return_sequences=n, max_new_tokens=ROOM, eos_token_id=ends, pad_token_id=end, **settings
        )
        yield from (one["generated_text"] for one in said)

    return speak


def _by_sampler(engine: Any, tokenizer: Any) -> Any:
    start, end, pieces = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.backend_tokenizer

    def speak(task: str, n: int, seed: int) -> Iterator[str]:
        sampler = Sampler(engine, pieces, start=start, end=end if task == "natural" else -1)
        yield from (
            draft.text for _, draft in sampler.stream(PROMPT, n=n, seed=seed, sampling=Sampling(max_tokens=ROOM))
        )

    return speak


def _by_light(model: Any, tokenizer: Any, folder: Path, threads: int) -> Any:
    from training.speak import onnx_weights
    from training.speak.onnx_engine import OnnxEngine

    path = folder / onnx_weights.FILE
    path.write_bytes(onnx_weights.write(model, start=tokenizer.bos_token_id, end=tokenizer.eos_token_id))
    return _by_sampler(OnnxEngine(path, threads=threads), tokenizer)


SPEAKERS: dict[str, Callable[[Any, Any, Path, int], Any]] = {
    "pipeline": _by_pipeline,
    "theirs": lambda model, tokenizer, *_: _by_sampler(TransformersEngine(model, torch.float32), tokenizer),
    "fp32": lambda model, tokenizer, *_: _by_sampler(DecoderEngine(model, torch.float32), tokenizer),
    "bf16": lambda model, tokenizer, *_: _by_sampler(DecoderEngine(model, torch.bfloat16), tokenizer),
    "light": _by_light,
}


def _table(turns: dict[tuple[str, str], list[Turn]], sides: list[str]) -> None:
    """Medians; ratios to the first side, of seconds and (in brackets) of core-seconds."""
    heads = "".join(
        f"{head:>26}" for head in ("natural, drafts/s", "forced, drafts/s", "one forced, ms", "first draft, ms")
    )
    print(f"{'':60}{heads}{'tokens':>8}")
    for side in sides:
        cells = [_cell(turns, sides[0], side, task, lambda turn: turn.drafts / turn.seconds) for task in TASKS[:2]]
        cells.append(_cell(turns, sides[0], side, "one", lambda turn: turn.seconds * 1000))
        cells.append(_cell(turns, sides[0], side, "natural", lambda turn: turn.first * 1000, plain=True))
        tokens = statistics.mean(turn.tokens for turn in turns[side, "natural"])
        print(f"{SIDES[side]:60}{''.join(f'{cell:>26}' for cell in cells)}{tokens:8.1f}")


def _cell(
    turns: dict[tuple[str, str], list[Turn]],
    baseline: str,
    side: str,
    task: str,
    figure: Callable[[Turn], float],
    *,
    plain: bool = False,
) -> str:
    def cost(name: str, of: Callable[[Turn], float]) -> float:
        return statistics.median(of(turn) for turn in turns[name, task])

    median = statistics.median(figure(turn) for turn in turns[side, task])
    if plain:
        return f"{median:9,.0f}{cost(baseline, figure) / median:7.1f}x        "
    ratio = cost(baseline, lambda turn: turn.seconds) / cost(side, lambda turn: turn.seconds)
    cores = cost(baseline, lambda turn: turn.core_seconds) / cost(side, lambda turn: turn.core_seconds)
    return f"{median:9,.1f}{ratio:7.1f}x ({cores:.1f}x)"


def _installed() -> list[str]:
    return [side for side in SIDES if side != "light" or find_spec("onnxruntime")]


def _model(name: str) -> str:
    if name not in training_speed.MODELS and not Path(name, "config.json").is_file():
        raise argparse.ArgumentTypeError(
            f"{name} is neither one of {', '.join(training_speed.MODELS)} nor a model folder"
        )
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Drafts per second, compared with transformers' pipeline.")
    names = ", ".join(training_speed.MODELS)
    parser.add_argument("--model", type=_model, default="124m", help=f"{names}, or a folder; tiny is the base")
    parser.add_argument("-n", type=int, default=16, help="drafts at once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--sides", nargs="+", choices=SIDES, default=_installed(), help="what to compare; the first is the baseline"
    )
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
