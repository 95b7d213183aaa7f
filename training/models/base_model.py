"""Where fine-tuning starts: a causal model and its tokenizer, by name, by folder, from this package or from nothing.

"tiny" is the base in the package, made by `pretrain.py`; "scratch" is made from the texts at hand.
It alone asks the hub; it does not train and does not save.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import HubUnreachable, ModelError, first_line
from training.models.model_dir import load, silence_transformers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.recipe import Shape

TINY = "tiny"
SCRATCH = "scratch"
EMBEDDED = Path(__file__).parent / "tiny"
UNBOUNDED = 1_000_000  # tokens: models with relative positions have no limit of their own
END = "<|endoftext|>"  # begins and ends every text, as GPT-2's own did
HUB_PATIENCE_S = 5  # transformers alone would try for 50 s before it says that there is no network


def without_place(name: str) -> str:
    """The name of a base for others to read: where on whose disk a folder lies is nobody's business."""
    return Path(name).name if name.startswith(("/", ".", "~")) else name


def load_base(name: str, *, texts: Iterable[str], shape: Shape, seed: int) -> tuple[Any, Any]:
    """A model in fp32 and a tokenizer that begins each text with the start token."""
    silence_transformers()
    if name == TINY:
        model, tokenizer = load_embedded()
    elif name == SCRATCH:
        tokenizer = train_tokenizer(texts, shape)
        model = make_model(tokenizer, shape, seed)
    else:
        model, tokenizer = _load_pretrained(name)
    if tokenizer.eos_token_id is None or not hasattr(tokenizer, "backend_tokenizer"):
        raise ModelError(f'The tokenizer of "{name}" has no end token or no fast form: choose another base_model.')
    return model, begin_with_start(tokenizer)


def load_embedded(folder: Path = EMBEDDED) -> tuple[Any, Any]:
    """The base in this package, checked by its hashes; no network is asked."""
    try:
        loaded = load(folder, device="cpu")
    except ModelError as error:
        raise ModelError(f"The base model in the package is damaged, install the package again: {error}") from error
    return loaded.model, loaded.tokenizer


def context_of(model: Any) -> int:
    """How many tokens the model can read; as good as unbounded where it names no limit."""
    return getattr(model.config, "max_position_embeddings", None) or UNBOUNDED


def train_tokenizer(texts: Iterable[str], shape: Shape) -> Any:
    """Byte-level BPE in which every byte is a piece, so that no text is ever unknown. The end token's id is 0."""
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
    """The same pieces, in a tokenizer that puts the start token first by itself.

    So `pipeline("text-generation")` continues the beginning of a tweet, as the model has learnt it, and not the
    middle of something. GPT-2's own tokenizer class would drop this when it is loaded again; the plain class keeps it.
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
    """A GPT-2 that knows nothing yet."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=len(tokenizer),  # fewer than asked for where the texts hold no more pairs
        n_positions=shape.context,
        n_layer=shape.layers,
        n_embd=shape.width,
        n_head=shape.heads,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        activation_function="gelu_pytorch_tanh",  # GPT-2's own curve, in one pass over memory and not in seven
        resid_pdrop=0.0,  # dropout is the recipe's
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config)


def _load_pretrained(name: str) -> tuple[Any, Any]:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _from_pretrained(str(folder), local=True)
    if name.startswith(("/", ".", "~")):
        raise ModelError(f'base_model is "{name}", and there is no such folder: correct the path or use "{TINY}".')
    try:
        return _from_pretrained(name, local=True)
    except ModelError:  # not in the cache: it must be fetched
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
    except Exception as error:  # whatever transformers says of files that are not ours
        raise ModelError(f'base_model "{where}" does not load: {first_line(error)}') from error
    return model, tokenizer


def _ask_hub(name: str) -> None:
    """One question with a short patience, before transformers asks five times over."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    try:
        HfApi().model_info(name, timeout=HUB_PATIENCE_S)
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise ModelError(
            f'base_model is "{name}", and the hub knows no such model: use another name, a local folder, or "{TINY}".'
        ) from error
    except Exception as error:  # no network, a proxy, offline mode: each HTTP library has its own words for it
        raise HubUnreachable(
            f'base_model "{name}" is not on this machine and the model hub cannot be reached: '
            f'set base_model to a local folder or to "{TINY}".'
        ) from error
