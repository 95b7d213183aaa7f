"""`mynah export`: a model in a form for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.console.terminal import say
from bot.commands.opening import loaded
from bot.errors import training_errors

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "version",
        nargs="?",
        default="current",
        metavar="VERSION",
        help="the version to export (default: the current one)",
    )
    kinds = parser.add_mutually_exclusive_group(required=True)
    kinds.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="write a folder for transformers with whole weights, also of a version that was saved as an adapter",
    )
    kinds.add_argument(
        "--gguf",
        type=Path,
        metavar="FILE",
        help="write a GGUF file for llama.cpp and Ollama, and a Modelfile beside it; FILE ends in .gguf",
    )
    parser.add_argument(
        "--type",
        choices=("f16", "q8_0"),
        default="f16",
        help="f16: 16 bits for each weight (default); q8_0: 8 bits, half the size",
    )


def export(args: Namespace) -> int:
    from bot.config.state_dir import StateDir, expanded
    from training.models import gguf_file, loading, registry

    settings = loaded(args).settings
    if args.folder:
        from training.card import publish  # what may leave the machine

        with training_errors():
            version = registry.find(StateDir(settings.state).models, args.version)
            loading.write_whole(version, expanded(args.folder), publish.NAMES)
        say(f"{args.folder}: {version.name}")
        return 0
    voice = settings.voice
    path = expanded(args.gguf)
    with training_errors():
        version = registry.find(StateDir(settings.state).models, args.version)
        gguf_file.check_names(path)  # before a model is loaded, which takes a while
        loaded_model = loading.load(version, device="cpu")
        modelfile = gguf_file.write(
            path,
            loaded_model.model,
            loaded_model.tokenizer,
            name=version.name,
            kind=args.type,
            # as the bot draws; Ollama's own filters would change how the model sounds
            parameters={
                "temperature": voice.temperature,
                "top_p": voice.top_p,
                "top_k": 0,
                "min_p": 0,
                "repeat_penalty": 1,
                "num_predict": voice.max_tokens,
            },
        )
    say(f"{path}: {version.name}, {args.type}, {path.stat().st_size / 1e6:.1f} MB")
    say(f"{modelfile}: for `ollama create {path.stem} -f {modelfile.name}`")
    say("What the model writes there passes no screen: read it before you post it.")
    return 0
