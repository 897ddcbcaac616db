"""Every classifier that transformers builds from a configuration, tiny and random, as a folder of anybody's."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sample_models import word_pieces
from sample_texts import sentences
from tiny_configurations import CLASSES, HEAD_SPREAD, IMAGE_SIZE, LONGEST, MOST_WEIGHTS, tiny_configuration

TEXTS, IMAGES = 24, 12
SMALLEST_SPREAD, MOST_LOGIT = 1e-4, 30.0


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A kind of model, text or image, and the name that its configuration has in transformers."""

    kind: str
    model_type: str

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.model_type}"


class NotBuilt(Exception):
    """Transformers itself makes no classifier of texts or images alone from this configuration."""


def architectures() -> list[Architecture]:
    """All of them in the order of transformers, each once: several names may stand for one."""
    from transformers import CONFIG_MAPPING

    return [
        Architecture(kind=kind, model_type=model_type)
        for kind in ("text", "image")
        for model_type in _mapping_names(kind)
        if CONFIG_MAPPING[model_type].model_type == model_type
    ]


def save_architecture(architecture: Architecture, folder: Path) -> int:
    """Write the folder that save_pretrained gives, and return the number of weights.

    Raises NotBuilt where transformers cannot build the model, or where that gives no logits for a text or an image.
    """
    import torch

    torch.manual_seed(0)
    folder.mkdir(parents=True)
    around = "[CLS] $A" if _is_decoder(architecture) else "[CLS] $A [SEP]"
    tokenizer = word_pieces(around)
    try:
        configuration = tiny_configuration(architecture.model_type, tokenizer.get_vocab_size())
        model = _built(architecture, configuration)
        model.save_pretrained(folder)
        if architecture.kind == "text":
            tokenizer.save(str(folder / "tokenizer.json"))
            (folder / "tokenizer_config.json").write_text(json.dumps(_tokenizer_settings()))
        else:
            _image_processor(configuration).save_pretrained(folder)
        _enliven(model)
        expected = Reference(architecture, folder, model)
        _spread(model, expected)
    except Exception as error:  # a configuration may miss anything: a size that fits, a package, an input
        raise NotBuilt(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    model.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


class Reference:
    """What transformers itself answers, with its own tokenizer or image processor, for one item at a time."""

    def __init__(self, architecture: Architecture, folder: Path, model: Any | None = None) -> None:
        from transformers import AutoImageProcessor, AutoTokenizer

        self.kind = architecture.kind
        self.model = (model or _class_of(architecture).from_pretrained(folder)).eval()
        reader = AutoTokenizer if self.kind == "text" else AutoImageProcessor
        self.reader = reader.from_pretrained(folder)

    def __call__(self, items: list[Any]) -> Any:
        """Logits, float32 (items, classes)."""
        import numpy as np
        import torch

        with torch.inference_mode():
            return np.concatenate([self.model(**self._read(item)).logits.float().numpy() for item in items])

    def _read(self, item: Any) -> dict[str, Any]:
        if self.kind == "image":
            return {"pixel_values": self.reader(item, return_tensors="pt")["pixel_values"]}
        read = self.reader(item, truncation=True, max_length=LONGEST, return_tensors="pt")
        return {name: read[name] for name in ("input_ids", "attention_mask")}


def items_of(kind: str, count: int, start: int = 0) -> list[Any]:
    """Texts of one word up to more than the model takes, or images of several sizes."""
    if kind == "text":
        texts = sentences(count * 2, start)[0]
        return [" ".join(texts[number : number + 1 + number % 6]) for number in range(count - 2)] + ["film", "so so"]
    import numpy as np

    generator = np.random.default_rng(start)
    sizes = generator.integers(40, 130, size=(count, 2))
    return [_picture(generator, height, width) for height, width in sizes.tolist()]


def _picture(generator: Any, height: int, width: int) -> Any:
    """Patches of colours under noise: an image of noise alone looks like any other to a model."""
    import numpy as np
    from PIL import Image

    patches = generator.integers(0, 200, size=(4, 4, 3)).astype(np.uint8)
    pixels = np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST)).astype(np.int64)
    return (pixels + generator.integers(0, 55, size=pixels.shape)).astype(np.uint8)


def _mapping_names(kind: str) -> list[str]:
    from transformers.models.auto import modeling_auto

    names = "SEQUENCE" if kind == "text" else "IMAGE"
    return list(getattr(modeling_auto, f"MODEL_FOR_{names}_CLASSIFICATION_MAPPING_NAMES"))


def _class_of(architecture: Architecture) -> Any:
    from transformers import CONFIG_MAPPING
    from transformers.models.auto import modeling_auto

    names = "SEQUENCE" if architecture.kind == "text" else "IMAGE"
    mapping = getattr(modeling_auto, f"MODEL_FOR_{names}_CLASSIFICATION_MAPPING")
    classes = mapping[CONFIG_MAPPING[architecture.model_type]]
    return classes[0] if isinstance(classes, tuple) else classes


def _is_decoder(architecture: Architecture) -> bool:
    """Whether texts of such a model end without a token of their own: it generates, and fills no gaps."""
    from transformers.models.auto import modeling_auto

    name = architecture.model_type
    masked, seq2seq, causal = (
        getattr(modeling_auto, f"MODEL_FOR_{kind}_MAPPING_NAMES")
        for kind in ("MASKED_LM", "SEQ_TO_SEQ_CAUSAL_LM", "CAUSAL_LM")
    )
    return name in causal and name not in masked and name not in seq2seq


def _built(architecture: Architecture, configuration: Any) -> Any:
    """The model, first without weights: a size that stayed as it is may be of a billion."""
    import torch

    build = _class_of(architecture)
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in build(configuration).parameters())
    if size > MOST_WEIGHTS:
        raise ValueError(f"the tiny configuration has {size:,} weights")
    return build(configuration).eval()


def _tokenizer_settings() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": LONGEST,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }


def _image_processor(configuration: Any) -> Any:
    """The image processor that transformers has for the architecture, for images of 64 x 64."""
    from transformers import ViTImageProcessorPil
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING

    kinds = IMAGE_PROCESSOR_MAPPING.get(type(configuration), {"pil": ViTImageProcessorPil})
    processor = (kinds.get("pil") or kinds["torchvision"])()
    for name in ("size", "crop_size"):
        size = getattr(processor, name, None)
        if size:
            setattr(processor, name, {key: IMAGE_SIZE for key, value in dict(size).items() if value})
    return processor


def _enliven(model: Any) -> None:
    """Weights that let every part tell on the logits, as those of a trained model do.

    New models have attention that looks everywhere alike, biases of 0 and blocks scaled by a millionth.
    """
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.is_floating_point() or parameter.numel() < 2:
                continue
            if parameter.ndim == 1:
                if 0 < parameter.abs().max() < 0.01:
                    parameter.fill_(0.5)
                if parameter.std() == 0:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
                continue
            spread = (parameter[0].numel() if parameter.ndim == 4 else parameter.shape[-1]) ** -0.5
            if parameter.std() == 0:
                parameter.normal_(0, spread)
            elif parameter.std() < spread:
                parameter.mul_(spread / parameter.std())


def _spread(model: Any, expected: Reference) -> None:
    """Statistics of batches from real images, and a head whose logits differ from item to item by about 2."""
    import torch

    items = items_of(expected.kind, TEXTS if expected.kind == "text" else IMAGES, 500)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    if norms:
        pixels = torch.cat([expected._read(item)["pixel_values"] for item in items])
        for norm in norms:
            norm.momentum = None  # a mean of all that came
            norm.train()
        with torch.no_grad():
            model(pixel_values=pixels)
        model.eval()
    logits = expected(items)
    if logits.shape != (len(items), len(CLASSES)):
        raise ValueError(f"logits of shape {logits.shape} for {len(items)} items and {len(CLASSES)} classes")
    heads = [module for module in model.modules() if getattr(module, "out_features", None) == len(CLASSES)]
    if heads:
        _widen(heads[-1], logits)


def _widen(head: Any, logits: Any) -> None:
    """Scale a linear head, and put its bias so that no class is always first.

    Where all items look alike to the model, what they differ by is widened only until rounding would tell.
    """
    import torch

    moving = logits if head.bias is None else logits - head.bias.detach().numpy()
    spread = float(moving.std(axis=0).mean())
    if spread < SMALLEST_SPREAD * float(abs(moving).max()):
        return  # the model answers all alike, and rounding is all that there is to widen
    factor = min(HEAD_SPREAD / spread, MOST_LOGIT / float(abs(moving).max()))
    with torch.no_grad():
        head.weight.mul_(factor)
        if head.bias is not None:
            head.bias.copy_(torch.from_numpy(-moving.mean(axis=0) * factor))
