"""A body that was trained on other images, under a head of its own: hidden layers, dropout, and one output a label."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from encoders.image_encoder import SETTINGS_FILE, ImageEncoder
from encoders.image_rules import square_settings
from materials.errors import RequestError, in_one_line
from materials.tasks import task_of
from materials.tasks.single_label import SingleLabel
from materials.tasks.task import Task
from materials.weights import check_config_in
from networks.resnet import ResNetBody
from teachers.efficientnet_lite import WIDTH, EfficientNetLite0, body_weights
from teachers.image_classifier import COLOURS, read_image_encoder
from teachers.pretrained import SAFELY, quiet_transformers
from training.classifier import Classifier
from training.model_record import read_model_record, write_model_record

ARCHITECTURE = "image-body"
EFFICIENTNET_LITE0, RESNET, TRANSFORMERS = "efficientnet-lite0", "resnet", "transformers"
SIZE = 224  # at which EfficientNet-Lite0 was trained
WEIGHTS, POOLER = "model.safetensors", "pooler"


@dataclass(frozen=True, kw_only=True)
class Head:
    """What stands on the body: `hidden` layers of these widths, `dropout` before each of its layers.

    A `frozen` body keeps its weights and the statistics of its normalisations; the head alone is trained. `image_size`
    is for a body whose files name no size, and `body` is the shape of one without files: see `networks.resnet`.
    """

    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    frozen: bool = False
    image_size: int | None = None
    body: Mapping[str, Any] | None = None


class ImageBody(nn.Module):
    """`body` gives features (batch, width) for pixel values (batch, 3, height, width)."""

    def __init__(self, body: nn.Module, width: int, classes: int, head: Head) -> None:
        super().__init__()
        self.body, self.shape = body, head
        layers: list[nn.Module] = []
        for wide in head.hidden:
            layers += [nn.Dropout(head.dropout), nn.Linear(width, wide), nn.ReLU()]
            width = wide
        self.hidden = nn.Sequential(*layers, nn.Dropout(head.dropout))
        self.output = nn.Linear(width, classes)
        if head.frozen:
            body.requires_grad_(False)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Outputs (batch, classes) from pixel values of any floating type."""
        outputs: Tensor = self.output(self.hidden(self.body(pixel_values.to(self.output.weight.dtype))))
        return outputs

    @property
    def parts(self) -> tuple[nn.Module, nn.Module]:
        """The body and what stands on it, a module that takes its features: their weights are those of this one."""
        return self.body, nn.Sequential(self.hidden, self.output)

    def train(self, mode: bool = True) -> "ImageBody":
        """Set the mode of the head, and of the body unless it is frozen: its normalisations stay as they are."""
        super().train(mode)
        self.body.train(mode and not self.shape.frozen)
        return self


class TransformersBody(nn.Module):
    """A body of transformers behind one input and one output: what it pools, or the mean over its places."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Features (batch, width)."""
        outputs = self.model(pixel_values=pixel_values)
        pooled: Tensor | None = getattr(outputs, "pooler_output", None)
        if pooled is None:
            states: Tensor = outputs.last_hidden_state
            pooled = states.mean(dim=(2, 3)) if states.dim() == 4 else states.mean(dim=1)
        return pooled.flatten(1)


KINDS = {EFFICIENTNET_LITE0: EfficientNetLite0, RESNET: ResNetBody, TRANSFORMERS: TransformersBody}


def start_image_body(
    weights: Path,
    label_names: tuple[str, ...],
    *,
    seed: int,
    head: Mapping[str, Any],
    max_length_tokens: int | None = None,
    task: Task | None = None,
    modality: str = "image",
) -> Classifier:
    """The pretrained body under a new head; `head` holds the fields of `Head`.

    Raises RequestError when a file is missing, damaged or not known here, or when the body takes no coloured images.
    """
    shape = Head(**{**head, "hidden": tuple(head.get("hidden", ()))})
    torch.manual_seed(seed)
    if shape.body is not None:
        body, encoder = _resnet(shape)
    elif not (weights / "config.json").is_file():
        body, encoder = _efficientnet(weights, shape)
    elif shape.image_size is None:
        body, encoder = _pretrained_body(weights)
    else:
        raise RequestError(f"{weights} names the size of its images itself; leave teacher.image_size out")
    torch.manual_seed(seed)
    module = ImageBody(body, _width(body, encoder.rules.size), len(label_names), shape)
    return _classifier(module, encoder, label_names, task or SingleLabel())


def random_image_body(labels: int, *, head: Mapping[str, Any], config: Mapping[str, Any] | None) -> ImageBody:
    """A body of random weights under its head: one of transformers by its `config`, else that of `head` or the usual.

    It is as large as what `start_image_body` gives, for which weights must be there.
    """
    shape = Head(**{**head, "hidden": tuple(head.get("hidden", ()))})
    size = image_size_of(head, config)
    body: nn.Module
    if shape.body is not None:
        body = ResNetBody(**shape.body)
    elif config is None:
        body = EfficientNetLite0(image_size=size)
    else:
        from transformers import AutoConfig, AutoModel

        body = TransformersBody(AutoModel.from_config(AutoConfig.for_model(**config), trust_remote_code=False))
    return ImageBody(body, _width(body, (size, size)), labels, shape)


def image_size_of(head: Mapping[str, Any], config: Mapping[str, Any] | None) -> int:
    """The side of the images that a body reads, in pixels."""
    size = (config or {}).get("image_size") or head.get("image_size") or SIZE
    return int(size if isinstance(size, int) else size[0])


def save_image_body(classifier: Classifier, folder: Path) -> None:
    """Write the weights, the settings of the images, model.json, and the configuration of a body of transformers."""
    module = classifier.module
    if not isinstance(module, ImageBody):
        raise TypeError(f"expected an ImageBody, got {type(module).__name__}")
    save_file({name: values.contiguous() for name, values in module.state_dict().items()}, folder / WEIGHTS)
    classifier.encoder.save(folder)
    if isinstance(module.body, TransformersBody):
        module.body.model.config.save_pretrained(folder)
    record = {
        "body": next(name for name, kind in KINDS.items() if isinstance(module.body, kind)),
        "head": asdict(module.shape),
        "label_names": classifier.label_names,
        "task": classifier.task.name,
        "task_settings": classifier.task.settings,
    }
    write_model_record(folder, {"architecture": ARCHITECTURE, "modality": "image", **record})


def load_image_body(folder: Path) -> Classifier:
    """Read what `save_image_body` wrote; runs no code from the files."""
    record = read_model_record(folder)
    encoder = ImageEncoder.load(folder / SETTINGS_FILE)
    head = Head(**{**record["head"], "hidden": tuple(record["head"]["hidden"])})
    weights = load_file(folder / WEIGHTS)
    body: nn.Module
    if record["body"] == TRANSFORMERS:
        body = _empty_body(folder, weights)
    elif record["body"] == RESNET:
        body = ResNetBody(**(head.body or {}))
    else:
        body = EfficientNetLite0(image_size=encoder.rules.size[0])
    names = tuple(record["label_names"])
    module = ImageBody(body, _width(body, encoder.rules.size), len(names), head)
    module.load_state_dict(weights)
    return _classifier(module, encoder, names, task_of(record["task"], record["task_settings"]))


def _classifier(module: ImageBody, encoder: ImageEncoder, label_names: tuple[str, ...], task: Task) -> Classifier:
    return Classifier(
        architecture=ARCHITECTURE, module=module.eval(), encoder=encoder, label_names=label_names, task=task
    )


def _efficientnet(weights: Path, head: Head) -> tuple[nn.Module, ImageEncoder]:
    """EfficientNet-Lite0 with the weights of a .pth file, which holds tensors alone, for squares around the centre."""
    size = head.image_size or SIZE
    body = EfficientNetLite0(image_size=size)
    files = sorted(weights.glob("*.pth"))
    try:
        body.load_state_dict(body_weights(torch.load(files[0], map_location="cpu", weights_only=True)))
    except (IndexError, RuntimeError, OSError, AttributeError) as error:
        raise RequestError(f"{weights} holds no weights of EfficientNet-Lite0: {in_one_line(error)}") from None
    return body, ImageEncoder.of(_image_settings(size), EFFICIENTNET_LITE0)


def _resnet(head: Head) -> tuple[nn.Module, ImageEncoder]:
    """A residual network of new weights, for images resized to a square, as students read them."""
    return ResNetBody(**(head.body or {})), ImageEncoder.of(square_settings(head.image_size or SIZE), RESNET)


def _pretrained_body(weights: Path) -> tuple[nn.Module, ImageEncoder]:
    from transformers import AutoModel

    encoder = read_image_encoder(weights)
    check_config_in(weights)
    try:
        with quiet_transformers():
            model, report = AutoModel.from_pretrained(weights, dtype=torch.float32, output_loading_info=True, **SAFELY)
    except Exception as error:  # a damaged file raises whatever the library that reads it chose
        raise RequestError(f"{weights} cannot be opened as a body of images: {in_one_line(error)}") from error
    if getattr(model.config, "num_channels", COLOURS) != COLOURS:
        raise RequestError(f"the body in {weights} takes images of {model.config.num_channels} colours; expected 3")
    missing = {*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])}
    if missing and all(name.startswith(f"{POOLER}.") for name in missing):  # drawn anew: means are taken in its place
        model.pooler = None
    elif missing:
        raise RequestError(f"{weights} lacks weights of the body that its config.json names: {min(missing)}")
    return TransformersBody(model), encoder


def _empty_body(folder: Path, saved: Collection[str]) -> nn.Module:
    from transformers import AutoConfig, AutoModel

    check_config_in(folder)
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    model = AutoModel.from_config(config, trust_remote_code=False)
    body = TransformersBody(model)
    poolers = [name for name in body.state_dict() if name.startswith(f"model.{POOLER}.")]
    if poolers and f"body.{poolers[0]}" not in saved:
        model.pooler = None
    return body


def _width(body: nn.Module, size: tuple[int, int]) -> int:
    """The width of the features, which configurations name in many ways: asked of the body itself."""
    if isinstance(body, EfficientNetLite0 | ResNetBody):
        return WIDTH if isinstance(body, EfficientNetLite0) else body.features
    with torch.inference_mode():
        return int(body.eval()(torch.zeros(1, COLOURS, *size)).shape[1])


def _image_settings(size: int) -> dict[str, Any]:
    """As it was trained: the shorter side to the size, a square around the centre, colours (value - 127) / 128."""
    return {
        "image_processor_type": "BitImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": size},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 128,
        "do_normalize": True,
        "image_mean": [127 / 128] * 3,
        "image_std": [1.0] * 3,
        "do_convert_rgb": True,
    }
