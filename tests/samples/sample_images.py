"""Images whose label can be read off their colour, and tiny real models that classify them."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from materials.rows import Rows

SIZES = ((40, 40), (61, 37), (33, 90), (32, 32), (47, 51), (20, 25))


def draw_images(folder: Path, count: int, start: int = 0) -> tuple[list[str], list[str]]:
    """Paths of PNG files of several sizes, reddish or bluish noise in turns, and their label names."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(start, start + count):
        generator = np.random.default_rng(number)
        height, width = SIZES[number % len(SIZES)]
        pixels = generator.integers(0, 160, size=(height, width, 3))
        pixels[..., 0 if number % 2 else 2] += 90
        path = folder / f"{number}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        paths.append(str(path))
    return paths, [("blue", "red")[number % 2] for number in range(start, start + count)]


def labelled_images(folder: Path, count: int, start: int = 0) -> "Rows":
    """The same as rows whose labels are 0 for blue and 1 for red."""
    import numpy as np

    from materials.rows import Rows

    paths, labels = draw_images(folder, count, start)
    return Rows(items=paths, targets=np.array([int(label == "red") for label in labels]))


def save_tiny_vit(folder: Path) -> Path:
    """A ViT of 2 layers and width 32 for images of 32 x 32, with the short settings of older folders."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        image_size=32,
        patch_size=8,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        id2label={0: "blue", 1: "red"},
        label2id={"blue": 0, "red": 1},
    )
    settings = {"do_normalize": True, "do_resize": True, "size": 32}
    return _save(ViTForImageClassification, config, settings, folder)


def save_tiny_resnet(folder: Path, *, has_head: bool = True) -> Path:
    """A ResNet of 2 stages for images of 32 x 32, cropped from 36 x 36 as its processor does it.

    Without a head it is a body to be fine-tuned, of weights drawn by seed 0.
    """
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification, ResNetModel

    config = ResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 32],
        depths=[1, 1],
        layer_type="basic",
        id2label={0: "blue", 1: "red"},
        label2id={"blue": 0, "red": 1},
    )
    settings = {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 32, "crop_pct": 0.875}
    if not has_head:
        torch.manual_seed(0)
        ResNetModel(config).save_pretrained(folder)
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
        return folder
    return _save(ResNetForImageClassification, config, settings, folder)


def _save(build: type, config: object, settings: dict[str, object], folder: Path) -> Path:
    """Weights drawn by seed 0, trained for some steps on drawn images, so that parity has sure labels to compare."""
    import torch

    from teachers.image_classifier import read_image_encoder

    torch.manual_seed(0)
    model = build(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    with TemporaryDirectory() as drawn:
        rows = labelled_images(Path(drawn), 48)
        encoder = read_image_encoder(folder)
        pixels = torch.from_numpy(encoder.pad(encoder.encode(rows.items))["pixel_values"])
    targets = torch.from_numpy(rows.targets)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(model(pixel_values=pixels).logits, targets)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval().save_pretrained(folder)
    return folder


def write_photos(folder: Path, names: list[str], start: int = 0) -> Path:
    """Different tiny pictures in files of these names below the folder, in the format that their endings say."""
    import numpy as np
    from PIL import Image

    for number, name in enumerate(names, start):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, size=(9, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path)
    return folder
