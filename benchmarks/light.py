"""Time to a bot's first text and its memory, for each engine and for a script with transformers' pipeline.

A model with GPT-2's 124 M weights and a tokenizer of the same size is made here. It only knows a handful of sentences,
but costs what any other would.

Whole processes in turn (A B C A B C …), from exec to the first text; then each once more as a running bot: its
memory a heartbeat after its first round, by /proc/PID/smaps_rollup. "private" is what the kernel cannot drop.
"""

from __future__ import annotations

import argparse
import os
import random
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from training.learn import batches
from training.models import base_model, model_dir, registry
from training.profile import memory
from training.recipe import Shape
from training.speak import onnx_export

GPT2 = Shape(vocabulary=50_257, context=1_024, layers=12, width=768, heads=12)
# No two share a word, so each word has one successor.
SENTENCES = (
    "Every pigeon at this station knows which sandwich belongs to me.",
    "Nobody warned us that umbrellas multiply behind closed cupboard doors.",
    "My grandmother paints trains because they never sit still for her.",
    "All great rivers began as rumours told among several small clouds.",
)
PIPELINE = """
import sys, torch
torch.set_num_threads(int(sys.argv[2]))
from transformers import pipeline
said = pipeline("text-generation", model=sys.argv[1])(
    "", num_return_sequences=8, do_sample=True, top_k=50, top_p=0.95, max_new_tokens=96, min_length=10)
print(said[0]["generated_text"], flush=True)
if len(sys.argv) > 3:
    sys.stdin.read()
"""
SIDES = {
    "transformers' pipeline, a script": None,
    "mynah, torch": {"ENGINE": "torch"},
    "mynah, light": {"ENGINE": "light"},
    "mynah, light, dropped between rounds": {"ENGINE": "light", "KEEP_LOADED": "false"},
}
MYNAH = str(Path(sys.executable).parent / "mynah")
PATIENCE_S = 300


def main() -> None:
    args = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        version, light = make(state, GPT2)
        sizes = {name: (version / name).stat().st_size / 1e6 for name in ("model.safetensors", *light.files)}
        print(", ".join(f"{name} {size:.0f} MB" for name, size in sizes.items()), light.why)
        print("checked against torch: " + ", ".join(f"{name} {value:.4f}" for name, value in light.figures.items()))
        times_of: dict[str, list[float]] = {name: [] for name in SIDES}
        for number in range(args.rounds + 1):  # the first round warms the disk's cache
            for name, settings in SIDES.items():
                seconds = first_text(version, settings, args.threads)
                if number:
                    times_of[name].append(seconds)
        memory_of = {name: live(version, settings, args.threads) for name, settings in SIDES.items()}
    show(times_of, memory_of, args)


def show(times_of: dict[str, list[float]], memory_of: dict[str, dict[str, float]], args: argparse.Namespace) -> None:
    base = statistics.median(times_of[next(iter(SIDES))])
    machine_load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"\n{args.rounds} rounds, {args.threads} threads, {machine_load}")
    print(f"{'':38}{'first text':>11}{'min':>8}{'ratio':>8}{'private':>12}{'resident':>12}")
    for name, times in times_of.items():
        middle = statistics.median(times)
        line = f"{name:38}{middle:10.2f}s{min(times):7.2f}s{base / middle:7.1f}x"
        print(f"{line}{memory_of[name]['private']:9.0f} MB{memory_of[name]['resident']:9.0f} MB")


def first_text(version: Path, settings: dict[str, str] | None, threads: int) -> float:
    """Seconds from exec to the first text."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        process = start(version, settings, threads, Path(folder), "--once")
        wait_for_text(process)
        seconds = time.perf_counter() - began
        process.communicate()
    return seconds


def live(version: Path, settings: dict[str, str] | None, threads: int) -> dict[str, float]:
    """The memory in MB of a process that has made one text and waits."""
    with tempfile.TemporaryDirectory() as folder:
        process = start(version, settings, threads, Path(folder), "--every", "20s")
        wait_for_text(process)
        time.sleep(6)  # a heartbeat and a half; the next round is not due yet
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
        process.terminate()
        process.communicate()
    pages = {line.split(":")[0]: int(line.split()[1]) / 1e3 for line in lines}
    return {"private": pages["Private_Dirty"], "resident": pages["Rss"]}


def start(
    version: Path, settings: dict[str, str] | None, threads: int, folder: Path, *words: str
) -> subprocess.Popen[str]:
    about: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    env = {key: value for key, value in os.environ.items() if not key.startswith("MYNAH_")}
    if settings is None:
        stay = [] if "--once" in words else ["stay"]
        command = [sys.executable, "-c", PIPELINE, str(version), str(threads), *stay]
        return subprocess.Popen(command, text=True, env=env, **about)
    models = folder / "models"
    models.mkdir()
    for source in (version, version.parent / registry.CURRENT):
        (models / source.name).symlink_to(version if source == version else version.name)
    voice = settings | {"THREADS": str(threads), "PROMPTS": '[""]'}
    env |= {f"MYNAH_VOICE__{key}": value for key, value in voice.items()}
    command = [MYNAH, "--state", str(folder), "run", "--dry-run", *words]
    return subprocess.Popen(command, text=True, env=env, **about)


def wait_for_text(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while waiting.select(PATIENCE_S):
            line = process.stdout.readline()
            if not line:
                break
            if '"event": "daemon.started"' not in line and line.strip():
                if '"outcome"' in line and '"outcome": "dry"' not in line:
                    sys.exit(f"no text: {line}")
                return
    process.kill()
    sys.exit(f"{process.args} printed no text")


def make(state: Path, shape: Shape) -> tuple[Path, onnx_export.OnnxExport]:
    """A model folder, promoted, with its exported light form."""
    rng = random.Random(0)
    syllables = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "ai", "ou", "en", "er")]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(12 * shape.vocabulary)]
    lines = [" ".join(words[at : at + 12]) for at in range(0, len(words), 12)]
    tokenizer = base_model.begin_with_start(base_model.train_tokenizer([*lines, *SENTENCES * 2_000], shape))
    model = base_model.make_model(tokenizer, shape, seed=0)
    model.resize_token_embeddings(shape.vocabulary)
    rows = batches.encode(tokenizer, SENTENCES, shape.context)
    memorise_bigrams(model, rows)
    light = onnx_export.export_onnx(model, tokenizer, rows, state.parent)
    version = state / "models" / "20261121T120000Z-0000"
    about = model_dir.Manifest(created="2026-11-21T12:00:00+00:00", base_model="scratch", authors=("nobody",))
    files = {memory.FILE: memory.memorise([]), **light.files}
    model_dir.save(version, model, tokenizer, about=about, files=files)
    registry.promote(version)
    return version, light


@torch.no_grad()
def memorise_bigrams(model: Any, rows: list[list[int]]) -> None:
    """The last layer maps each token to its successors in one linear step; the other layers add nothing."""
    body, width = model.transformer, model.config.n_embd
    body.wpe.weight.zero_()
    for block in body.h:
        for part in (block.attn.c_proj, block.mlp.c_proj):
            part.weight.zero_()
            part.bias.zero_()
    followers: dict[int, set[int]] = {}
    for row in rows:
        for token, following in pairwise(row):
            followers.setdefault(token, set()).add(following)
    embeddings = body.wte.weight
    inputs = torch.nn.functional.layer_norm(embeddings[list(followers)], (width,))
    targets = torch.stack([embeddings[sorted(each)].sum(0) / len(each) ** 0.5 for each in followers.values()])
    step = torch.linalg.pinv(inputs) @ targets * 10 / embeddings.std()
    layer, up = body.h[-1].mlp, 7.0  # so far above zero GELU is linear
    layer.c_fc.weight.zero_()
    layer.c_fc.weight[:, :width] = torch.eye(width)
    layer.c_fc.bias.zero_()
    layer.c_fc.bias[:width] = up
    layer.c_proj.weight[:width] = step
    layer.c_proj.bias[:] = -up * step.sum(0)
    body.ln_f.weight.fill_(2.0)  # confident, but not so much that 8 bits would differ


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    return parser


if __name__ == "__main__":
    if shutil.which(MYNAH) is None:
        sys.exit("install mynah first: pip install -e .")
    main()
