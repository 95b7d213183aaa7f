"""The check of `mynah doctor` for what is installed, which differs between machines that speak and that train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import MynahError, training_errors

if TYPE_CHECKING:
    from pathlib import Path

    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.running.doctor import Check


def check(settings: Settings, folder: StateDir) -> Check:
    """Whether all is installed that the bot needs to run, and to load its model or train a first one."""
    from bot.running import doctor as checks
    from bot.voice.model_voice import promoted
    from training import installation

    model, packages = None, ["torch", "transformers", "safetensors"]
    try:
        with training_errors():
            model = promoted(folder.models)
            if model and _is_light(model, settings):
                packages = ["onnxruntime", "tokenizers", "numpy"]
    except MynahError:  # a damaged model, which another check reports; an earlier one may need another engine
        packages = []
    packages += ["apscheduler", *(["tweepy"] if settings.live else [])]
    missing = [package for package in packages if not installation.is_installed(package)]
    commands = dict.fromkeys(installation.how_to_install(package) or "" for package in missing)
    elsewhere = [] if model or "torch" not in missing else [f"or train elsewhere and copy the folder {folder.models}"]
    purpose = "start" if model else "train a first model and start"
    return checks.engine(missing, purpose, "; ".join([*commands, *elsewhere]))


def _is_light(model: Path, settings: Settings) -> bool:
    """Whether the model is loaded by ONNX Runtime; also where nothing is installed, since that is the smaller one."""
    try:
        from training.speak import engines
    except ModuleNotFoundError:  # numpy
        return True
    return engines.choose(model, engine=settings.voice.engine, device=settings.voice.device) == "light"
