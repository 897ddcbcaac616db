"""A body under a head of its own: what is trained of it, what is stored, and what its weights are called."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sample_images import draw_images, save_tiny_resnet, save_tiny_vit

from materials.errors import RequestError
from materials.weights import UNTRAINED
from teachers.efficientnet_lite import WIDTH, EfficientNetLite0, SamePadded, body_weights
from teachers.image_body import load_image_body, save_image_body, start_image_body

NAMES = ("blue", "red", "green")
HEAD = {"hidden": (8,), "dropout": 0.5}
SMALL = {"channels": (4, 8), "blocks": 1, "width": 1.0, "stem": "small"}


def published(seed=0):
    """Weights of EfficientNet-Lite0 under the names of the published file, with a layer of 1,000 classes."""
    torch.manual_seed(seed)
    own = EfficientNetLite0(image_size=32).state_dict()
    renamed = {rename(name): values for name, values in own.items()}
    return renamed | {"_fc.weight": torch.zeros(1000, WIDTH), "_fc.bias": torch.zeros(1000)}


def rename(name):
    *path, last = name.split(".")
    return ".".join([*(part if part.isdigit() else f"_{part}" for part in path), last])


@pytest.fixture(scope="module", params=["efficientnet", "transformers", "untrained"])
def started(request, tmp_path_factory):
    """A teacher of each kind of body."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "untrained":
        return start_image_body(folder / UNTRAINED, NAMES, seed=0, head={**HEAD, "image_size": 16, "body": SMALL})
    if request.param == "transformers":
        return start_image_body(save_tiny_resnet(folder, has_head=False), NAMES, seed=0, head=HEAD)
    torch.save(published(), folder / "weights.pth")
    return start_image_body(folder, NAMES, seed=0, head={**HEAD, "image_size": 32, "frozen": True})


def outputs(classifier, paths):
    arrays = classifier.encoder.pad(classifier.encoder.encode(paths))
    with torch.inference_mode():
        return classifier.module.eval()(torch.from_numpy(arrays["pixel_values"])).numpy()


def test_stored_teacher_gives_the_same_outputs(started, tmp_path):
    paths, _ = draw_images(tmp_path / "drawn", 5)
    (tmp_path / "teacher").mkdir()
    save_image_body(started, tmp_path / "teacher")
    loaded = load_image_body(tmp_path / "teacher")
    assert loaded.label_names == NAMES
    assert loaded.encoder == started.encoder
    assert np.array_equal(outputs(loaded, paths), outputs(started, paths))
    assert outputs(loaded, paths).shape == (5, 3)


def test_frozen_body_keeps_its_weights_and_its_statistics(started):
    module = started.module
    before = {name: values.clone() for name, values in module.body.state_dict().items()}
    module.train()
    module(torch.randn(4, 3, *started.encoder.rules.size)).sum().backward()
    after = module.body.state_dict()
    is_same = all(torch.equal(after[name], values) for name, values in before.items())
    assert is_same == module.shape.frozen
    has_gradient = [parameter.grad is not None for parameter in module.body.parameters()]
    assert any(has_gradient) != module.shape.frozen
    assert all(parameter.grad is not None for parameter in module.output.parameters())


def test_head_on_the_features_of_the_body_is_the_whole(started):
    module = started.module.eval()
    pixels = torch.randn(3, 3, *started.encoder.rules.size)
    body, top = module.parts
    with torch.inference_mode():
        assert torch.equal(top(body(pixels)), module(pixels))


def test_published_weights_come_under_other_names():
    assert set(body_weights(published())) == set(EfficientNetLite0(image_size=32).state_dict())


@pytest.mark.parametrize(("size", "stride", "width"), [(7, 2, 5), (8, 2, 3), (8, 1, 5), (5, 2, 3), (4, 2, 5)])
def test_convolution_is_padded_as_tensorflow_pads(size, stride, width):
    """An output for every `stride` places, and where an odd place is to be added it is added at the end."""
    convolution = SamePadded(1, 1, width=width, stride=stride, size=size)
    left, right, above, below = convolution.margins
    assert convolution(torch.zeros(1, 1, size, size)).shape[-1] == -(-size // stride)
    assert (left, right) == (above, below)
    assert right - left in (0, 1)


def test_efficientnet_lite0_has_the_published_number_of_weights():
    """4,652,008 with the layer of 1,000 classes."""
    weights = sum(values.numel() for values in EfficientNetLite0(image_size=224).parameters())
    assert weights + 1000 * (WIDTH + 1) == 4_652_008


def test_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(RequestError, match="holds no weights of EfficientNet-Lite0"):
        start_image_body(tmp_path, NAMES, seed=0, head={})


def test_size_of_images_is_not_taken_where_the_weights_name_one(tmp_path):
    folder = save_tiny_resnet(tmp_path, has_head=False)
    with pytest.raises(RequestError, match="names the size of its images itself; leave teacher.image_size out"):
        start_image_body(folder, NAMES, seed=0, head={"image_size": 32})


def test_body_without_the_weights_of_its_pooler_gives_the_mean_of_its_places_whatever_the_seed(tmp_path):
    """As classifiers of the kind ViT come: their pooler would be drawn anew."""
    folder = save_tiny_vit(tmp_path / "vit")
    first, other = (start_image_body(folder, NAMES, seed=seed, head={**HEAD, "frozen": True}) for seed in (0, 1))
    pixels = torch.rand(2, 3, *first.encoder.rules.size)
    with torch.inference_mode():
        assert torch.equal(first.module.body.eval()(pixels), other.module.body.eval()(pixels))
        states = first.module.body.model(pixel_values=pixels).last_hidden_state
        assert torch.allclose(first.module.body(pixels), states.mean(dim=1))
    (tmp_path / "stored").mkdir()
    save_image_body(first, tmp_path / "stored")
    paths, _ = draw_images(tmp_path / "drawn", 3)
    assert np.array_equal(outputs(load_image_body(tmp_path / "stored"), paths), outputs(first, paths))


def test_body_that_lacks_other_weights_is_refused(tmp_path):
    folder = save_tiny_vit(tmp_path / "vit")
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in weights if "layer" in name and name.endswith("weight"))
    del weights[lost]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(RequestError, match="lacks weights of the body that its config.json names: .*layer"):
        start_image_body(folder, NAMES, seed=0, head=HEAD)
