"""The base model of fine-tuning, with its tokenizer: from the hub, a folder or a package, or with random weights.

"tiny" is the base in this package, made by `pretrain.py`; "smollm2" is described in `smollm2.py`; "scratch" is made
from the texts at hand. This module may download from the model hub; it neither trains nor saves a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import HubUnreachable, ModelError, first_line
from training.models import smollm2
from training.models.model_dir import load, silence_transformers
from training.recipe import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AUTO = "auto"
TINY = "tiny"
SCRATCH = "scratch"
EMBEDDED = Path(__file__).parent / "tiny"
UNBOUNDED = 1_000_000  # tokens: models with relative positions have no limit
END = "<|endoftext|>"  # starts and ends every text, as in GPT-2's pretraining
HUB_TIMEOUT_S = 5  # transformers alone would try for 50 s before it reports that there is no network


@dataclass(frozen=True, slots=True)
class BaseChoice:
    """The base that a name stands for; `why` is a sentence, where there was a choice."""

    name: str
    why: str = ""


def choose_base(name: str) -> BaseChoice:
    """The base for a `base_model` of the configuration. "auto" never downloads anything."""
    if name != AUTO:
        return BaseChoice(name)
    if _is_cached(smollm2.ON_HUB):
        return BaseChoice(smollm2.NAME, f"The base is {smollm2.ON_HUB}, which is in the cache of the model hub.")
    if smollm2.find_gguf():
        return BaseChoice(smollm2.NAME, f"The base is {smollm2.IN_PACKAGE}, from the package {smollm2.PACKAGE}.")
    return BaseChoice(
        TINY,
        f"The base is {TINY}, the small one in this package, since {smollm2.PACKAGE} is not installed: "
        f"a model made from {smollm2.NAME} writes far better (93 MB: {smollm2.how_to_install()}).",
    )


def public_name(name: str) -> str:
    """The public name of a base: of a local folder only the last part of its path."""
    return Path(name).name if name.startswith(("/", ".", "~")) else name


def load_base(name: str, *, texts: Iterable[str], shape: Shape, seed: int) -> tuple[Any, Any]:
    """A model in fp32, and a tokenizer that puts the start token first."""
    silence_transformers()
    if name == TINY:
        model, tokenizer = load_embedded()
    elif name == SCRATCH:
        tokenizer = train_tokenizer(texts, shape)
        model = make_model(tokenizer, shape, seed)
    elif name == smollm2.NAME:
        model, tokenizer = _load_smollm2()
    else:
        model, tokenizer = _load_pretrained(name)
    if tokenizer.eos_token_id is None or not hasattr(tokenizer, "backend_tokenizer"):
        raise ModelError(f'The tokenizer of "{name}" has no end token or no fast form: choose another base_model.')
    return model, begin_with_start(tokenizer)


def load_all(name: str) -> Iterator[tuple[Any, Any]]:
    """The base from each place where its weights may be, the likeliest first: they differ for "smollm2"."""
    yield load_base(name, texts=(), shape=Shape(), seed=0)
    if name == smollm2.NAME and (path := smollm2.find_gguf()):
        model, tokenizer = smollm2.load_gguf(path)
        yield model, begin_with_start(tokenizer)


def load_embedded(folder: Path = EMBEDDED) -> tuple[Any, Any]:
    """The base in this package, checked by its hashes; without the network."""
    try:
        loaded = load(folder, device="cpu")
    except ModelError as error:
        raise ModelError(f"The base model in the package is damaged, install the package again: {error}") from error
    return loaded.model, loaded.tokenizer


def context_of(model: Any) -> int:
    """How many tokens the model can read."""
    return getattr(model.config, "max_position_embeddings", None) or UNBOUNDED


def train_tokenizer(texts: Iterable[str], shape: Shape) -> Any:
    """Byte-level BPE with all bytes in the vocabulary, so that no text is unknown. The end token's id is 0."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pieces.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        bos_token=END,
        eos_token=END,
        unk_token=END,
        model_max_length=shape.context,
        clean_up_tokenization_spaces=False,
    )


def begin_with_start(tokenizer: Any) -> Any:
    """The same vocabulary, in a tokenizer that puts the start token first by itself.

    So `pipeline("text-generation")` continues the start of a tweet, as the model was trained, and not the middle of
    a text. GPT-2's own tokenizer class would drop this when it is loaded again; the generic class keeps it.
    """
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    start = tokenizer.bos_token or tokenizer.eos_token
    if tokenizer("a").input_ids[:1] == [tokenizer.convert_tokens_to_ids(start)]:
        return tokenizer
    pieces = tokenizer.backend_tokenizer
    pieces.post_processor = processors.TemplateProcessing(
        single=f"{start} $A", special_tokens=[(start, tokenizer.convert_tokens_to_ids(start))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        bos_token=start,
        eos_token=tokenizer.eos_token,
        unk_token=tokenizer.unk_token,
        model_max_length=tokenizer.model_max_length,
        clean_up_tokenization_spaces=False,
    )


def make_model(tokenizer: Any, shape: Shape, seed: int) -> Any:
    """A GPT-2 with random weights."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=len(tokenizer),  # smaller than in `shape` where the texts have too few pairs
        n_positions=shape.context,
        n_layer=shape.layers,
        n_embd=shape.width,
        n_head=shape.heads,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        activation_function="gelu_pytorch_tanh",  # GPT-2's own GELU, in one pass over memory instead of seven
        resid_pdrop=0.0,  # dropout is the recipe's
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config)


def _load_smollm2() -> tuple[Any, Any]:
    """The plain model if it was downloaded before, or else the package's; only without both it is downloaded."""
    path = smollm2.find_gguf()
    if path is None or _is_cached(smollm2.ON_HUB):
        try:
            return _load_pretrained(smollm2.ON_HUB)
        except HubUnreachable as error:
            raise HubUnreachable(
                f"The hub cannot be reached for {smollm2.ON_HUB}, and {smollm2.PACKAGE} is not installed: "
                f'`{smollm2.how_to_install()}`, or set base_model to "{TINY}".'
            ) from error
    model, tokenizer = smollm2.load_gguf(path)
    model.name_or_path = smollm2.IN_PACKAGE
    return model, tokenizer


def _load_pretrained(name: str) -> tuple[Any, Any]:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _from_pretrained(str(folder), local=True)
    if name.startswith(("/", ".", "~")):
        raise ModelError(f'base_model is "{name}", and there is no such folder: correct the path or use "{TINY}".')
    try:
        return _from_pretrained(name, local=True)
    except ModelError:  # not in the cache: download it
        _ask_hub(name)
        return _from_pretrained(name, local=False)


def _from_pretrained(where: str, *, local: bool) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(where, local_files_only=local, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            where, dtype=torch.float32, local_files_only=local, trust_remote_code=False
        )
    except Exception as error:  # whatever transformers raises for files that are not ours
        raise ModelError(f'base_model "{where}" does not load: {first_line(error)}') from error
    return model, tokenizer


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return all(isinstance(try_to_load_from_cache(name, file), str) for file in ("config.json", "model.safetensors"))


def _ask_hub(name: str) -> None:
    """One request with a short timeout, before transformers retries five times."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    try:
        HfApi().model_info(name, timeout=HUB_TIMEOUT_S)
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise ModelError(
            f'base_model is "{name}", and the hub knows no such model: use another name, a local folder, or "{TINY}".'
        ) from error
    except Exception as error:  # no network, a proxy, offline mode: each HTTP library has its own errors
        raise HubUnreachable(
            f'base_model "{name}" is not on this machine and the model hub cannot be reached: '
            f'set base_model to a local folder or to "{TINY}".'
        ) from error
