"""Pixel values are those of transformers' own image processors, and what is no image is refused in a sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from encoders.encoder import Shape
from encoders.image_encoder import ImageEncoder
from encoders.image_rules import PROCESSORS, square_settings
from materials.errors import RequestError
from materials.sources.image_file import upright
from teachers.image_classifier import read_image_encoder

SHAPES = [(1, 1), (7, 31), (31, 7), (224, 224), (225, 223), (300, 457), (457, 300), (64, 500)]
CASES = {
    "ViT": {"image_processor_type": "ViTImageProcessor"},
    "ViT of an older folder": {"feature_extractor_type": "ViTFeatureExtractor", "size": 48, "resample": 3},
    "ViT of a newer folder": {
        "image_processor_type": "ViTImageProcessorFast",
        "size": {"height": 33, "width": 45},
        "data_format": "channels_first",
        "device": None,
    },
    "ViT without scaling": {"image_processor_type": "ViTImageProcessor", "do_rescale": False, "do_normalize": False},
    "ViT without normalisation": {"image_processor_type": "ViTImageProcessor", "do_normalize": False, "size": 31},
    "ViT, cropped only": {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": False,
        "do_center_crop": True,
        "crop_size": 65,
    },
    "ConvNext": {"image_processor_type": "ConvNextImageProcessor", "size": 99, "crop_pct": 0.9},
    "ConvNext of 384": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}},
    "ResNet of an older folder": {"feature_extractor_type": "ConvNextFeatureExtractor", "crop_pct": 0.875, "size": 63},
    "DeiT": {"image_processor_type": "DeiTImageProcessor", "size": 71, "crop_size": 64, "resample": 2},
    "BEiT": {"image_processor_type": "BeitImageProcessor", "size": 64, "do_center_crop": False},
    "BiT": {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 74}, "crop_size": 63},
    "CLIP": {"image_processor_type": "CLIPImageProcessor", "image_std": [0.3, 0.4, 0.5]},
    "crop larger than the image": {"image_processor_type": "BitImageProcessor", "size": 50, "crop_size": 67},
    "EfficientNet": {"image_processor_type": "EfficientNetImageProcessor", "size": 80, "resample": 0},
    "EfficientNet with an offset": {
        "image_processor_type": "EfficientNetImageProcessor",
        "size": 80,
        "rescale_offset": True,
        "rescale_factor": 1 / 127.5,
        "include_top": False,
        "do_center_crop": True,
        "crop_size": 70,
    },
    "LeViT": {"image_processor_type": "LevitImageProcessor", "size": {"shortest_edge": 61}, "crop_size": 61},
    "MobileNetV1": {
        "image_processor_type": "MobileNetV1ImageProcessor",
        "size": {"shortest_edge": 65},
        "crop_size": 56,
    },
    "MobileNetV2": {
        "image_processor_type": "MobileNetV2ImageProcessor",
        "size": {"shortest_edge": 65},
        "crop_size": 56,
    },
    "MobileViT": {"image_processor_type": "MobileViTImageProcessor", "size": {"shortest_edge": 72}, "crop_size": 64},
    "MobileViT in RGB": {"image_processor_type": "MobileViTImageProcessor", "do_flip_channel_order": False},
    "PoolFormer": {"image_processor_type": "PoolFormerImageProcessor", "size": 55, "crop_size": 55, "crop_pct": 0.95},
    "PoolFormer, square": {
        "image_processor_type": "PoolFormerImageProcessor",
        "size": {"height": 55, "width": 55},
        "crop_size": 50,
    },
    "PVT": {"image_processor_type": "PvtImageProcessor", "size": 57},
    "SigLIP": {"image_processor_type": "SiglipImageProcessor", "size": {"height": 40, "width": 56}},
}
SETTINGS = {
    "image_processor_type": "ViTImageProcessor",
    "do_resize": True,
    "size": {"height": 4, "width": 6},
    "resample": 2,
    "do_center_crop": None,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": False,
}


def draw(shape, mode="RGB"):
    bands = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(sum(shape)).integers(0, 256, size=(*shape, bands), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze(-1) if bands == 1 else pixels, mode=None if mode == "RGB" else mode)


@pytest.fixture
def encoder():
    return ImageEncoder.of(SETTINGS, "settings")


def values_of(encoder, items):
    return encoder.pad(encoder.encode(items))["pixel_values"]


@pytest.mark.parametrize("case", CASES)
def test_pixel_values_are_those_of_transformers(tmp_path, case):
    from transformers import AutoImageProcessor

    (tmp_path / "preprocessor_config.json").write_text(json.dumps(CASES[case]))
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    encoder = read_image_encoder(tmp_path)
    for shape in SHAPES:
        path = tmp_path / "image.png"
        draw(shape).save(path)
        expected = np.asarray(processor(Image.open(path), return_tensors="np")["pixel_values"][0])
        pixel_values = values_of(encoder, [path])
        assert pixel_values.dtype == np.float32
        assert pixel_values.shape == (1, *expected.shape)
        assert np.abs(pixel_values[0] - expected).max() <= 1e-5


def test_every_known_processor_is_compared_with_its_own():
    named = {str(settings.get("image_processor_type")).removesuffix("Fast") for settings in CASES.values()}
    assert set(PROCESSORS) <= named


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1", "CMYK"])
def test_files_of_any_colours_are_opened_as_transformers_opens_them(tmp_path, encoder, mode):
    from transformers.image_utils import load_image

    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    base = draw((9, 13), "RGBA" if mode in ("RGBA", "LA") else "RGB")
    base.convert(mode).save(path)
    expected = values_of(encoder, [np.asarray(load_image(str(path)))])
    assert np.array_equal(values_of(encoder, [str(path)]), expected)


def test_photograph_is_turned_upright(tmp_path, encoder):
    exif = Image.Exif()
    exif[0x0112] = 6
    draw((8, 12)).save(tmp_path / "turned.png", exif=exif)
    turned = np.rot90(np.asarray(draw((8, 12))), -1)
    assert np.array_equal(values_of(encoder, [tmp_path / "turned.png"]), values_of(encoder, [turned.copy()]))


def test_array_image_and_file_give_the_same(tmp_path, encoder):
    image = draw((9, 13))
    image.save(tmp_path / "image.png")
    rows = values_of(encoder, [tmp_path / "image.png", image, np.asarray(image), str(tmp_path / "image.png")])
    assert rows.shape == (4, 3, 4, 6)
    assert all(np.array_equal(row, rows[0]) for row in rows)


def test_pixel_of_one_colour_by_hand():
    settings = {**SETTINGS, "do_normalize": True, "image_mean": [0.5, 0.0, 0.2], "image_std": [0.5, 1.0, 0.1]}
    pixels = np.full((4, 6, 3), (255, 51, 102), dtype=np.uint8)
    row = values_of(ImageEncoder.of(settings, "settings"), [pixels])[0]
    assert row[:, 2, 3] == pytest.approx([1.0, 0.2, 2.0])


def test_encoder_states_its_graph_input_and_its_file(encoder, tmp_path):
    (graph_input,) = encoder.inputs
    assert (graph_input.name, graph_input.dtype) == ("pixel_values", "float32")
    assert graph_input.dimensions == ("batch", 3, 4, 6)
    encoder.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["preprocessor_config.json"]
    assert ImageEncoder.load(tmp_path / "preprocessor_config.json") == encoder


def test_batches_hold_each_row_once_in_order(encoder):
    rows = encoder.encode([draw((5, 5 + number)) for number in range(7)])
    batches = list(encoder.batches(rows, 3))
    assert [numbers.tolist() for numbers, _ in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert np.array_equal(
        np.concatenate([arrays["pixel_values"] for _, arrays in batches]), encoder.pad(rows)["pixel_values"]
    )


def test_no_items_are_no_rows(encoder):
    assert values_of(encoder, []).shape == (0, 3, 4, 6)


def test_examples_have_the_shape_asked_for_with_and_without_rows(encoder):
    rows = encoder.encode([draw((5, 5)), draw((6, 6))])
    assert [shape.batch for shape in encoder.shapes()] == [1, 2, 7, 16]
    for shape in encoder.shapes():
        assert encoder.example(shape)["pixel_values"].shape == (shape.batch, 3, 4, 6)
    assert np.array_equal(
        encoder.example(Shape(batch=3), rows=rows)["pixel_values"], encoder.pad(rows)["pixel_values"][[0, 1, 0]]
    )


def test_encoder_needs_neither_torch_nor_transformers(tmp_path, encoder):
    import subprocess
    import sys

    encoder.save(tmp_path)
    draw((5, 5)).save(tmp_path / "image.png")
    program = (
        "import sys; from pathlib import Path; import encoders.image_encoder as images, export, export.predictor\n"
        "assert 'PIL' not in sys.modules and 'torch' not in sys.modules\n"
        "folder = Path(sys.argv[1])\n"
        "encoder = images.ImageEncoder.load(folder / 'preprocessor_config.json')\n"
        "print(encoder.pad(encoder.encode([folder / 'image.png']))['pixel_values'].shape)\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "(1, 3, 4, 6)"


def cut(path):
    draw((60, 60)).save(path)
    path.write_bytes(path.read_bytes()[:2000])


HARMS = {
    "no file": (lambda path: None, "there is no image file .*image.png"),
    "no image": (lambda path: path.write_text("a lovely film"), "image.png is no image of a known format"),
    "empty": (lambda path: path.write_bytes(b""), "image.png is no image of a known format"),
    "cut": (cut, "image.png cannot be read as an image: "),
    "folder": (Path.mkdir, "image.png cannot be read as an image: "),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_no_image_is_refused_in_one_sentence(encoder, tmp_path, harm):
    make, sentence = HARMS[harm]
    make(tmp_path / "image.png")
    with pytest.raises(RequestError, match=sentence) as refused:
        encoder.encode([tmp_path / "image.png"])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("array", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((3, 4, 4), np.uint8)])
def test_array_of_another_form_is_refused(encoder, array):
    with pytest.raises(RequestError, match=r"expected uint8 \(height, width, 3\)"):
        encoder.encode([array])


UNKNOWN = {
    "processor": ({"image_processor_type": "DonutImageProcessor"}, "is for 'DonutImageProcessor', .* known: Beit"),
    "no processor": ({"image_processor_type": None}, "is for 'None', which is not known"),
    "setting": ({"do_thumbnail": True}, "sets do_thumbnail, which ViTImageProcessor is not known to have"),
    "setting of another": ({"crop_pct": 0.9}, "sets crop_pct, which ViTImageProcessor is not known to have"),
    "padding": ({"do_pad": True}, "sets do_pad"),
    "size": ({"size": {"longest_edge": 4}}, "size is .*; expected height and width, or shortest_edge"),
    "size of a number": ({"size": 4}, "is damaged or of an unknown form"),
    "size of its own": ({"size": {"shortest_edge": 4}}, "leaves images in sizes of their own; expected a crop"),
    "no size at all": ({"do_resize": False}, "leaves images in sizes of their own; expected a crop"),
    "colours": ({"do_normalize": True, "image_mean": [0.5], "image_std": [1.0]}, "one number for each of 3 colours"),
    "no mean": ({"do_normalize": True}, r"is damaged or of an unknown form \(KeyError: 'image_mean'\)"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_settings_that_would_change_pixels_unseen_are_refused_in_one_sentence(case):
    changed, sentence = UNKNOWN[case]
    with pytest.raises(RequestError, match=sentence) as refused:
        ImageEncoder.of({**SETTINGS, **changed}, "settings")
    assert "\n" not in str(refused.value)


def test_settings_without_effect_on_an_image_are_taken():
    more = {"do_pad": False, "do_reduce_labels": True, "device": None, "_valid_processor_keys": ["size"]}
    assert ImageEncoder.of({**SETTINGS, **more}, "settings").rules == ImageEncoder.of(SETTINGS, "settings").rules


def test_incomplete_settings_are_refused_as_their_defaults_are_not_known_here():
    settings = {name: value for name, value in SETTINGS.items() if name != "do_center_crop"}
    with pytest.raises(RequestError, match="does not say do_center_crop"):
        ImageEncoder.of(settings, "settings")


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "preprocessor_config.json").write_bytes(content)
    with pytest.raises(RequestError, match="preprocessor_config.json (is damaged|cannot be read)"):
        ImageEncoder.load(tmp_path / "preprocessor_config.json")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_way_to_hold_a_camera_is_turned_as_pillow_turns_it(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    draw((8, 12)).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as image:
        assert np.array_equal(np.asarray(upright(image)), np.asarray(ImageOps.exif_transpose(image)))


def test_photo_with_damaged_tags_of_its_camera_is_read_as_it_is(tmp_path):
    draw((8, 12)).save(tmp_path / "a.jpg", exif=b"Exif\x00\x00odd bytes", dpi=(72, 72))
    with Image.open(tmp_path / "a.jpg") as image, pytest.raises(SyntaxError):
        ImageOps.exif_transpose(image)
    assert len(ImageEncoder.of(square_settings(8), "here").encode([tmp_path / "a.jpg"])) == 1


def test_very_long_image_takes_no_more_memory_than_its_middle(tmp_path):
    long = np.zeros((2, 20_000, 3), dtype=np.uint8)
    long[:, 9_990:10_010] = 255
    Image.fromarray(long).save(tmp_path / "long.png")
    crop = {"size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}, "do_center_crop": True}
    settings = {**square_settings(64), "image_processor_type": "BitImageProcessor", **crop}
    resized = []
    resize = Image.Image.resize
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image.Image, "resize", lambda *rest, **more: resized.append(rest[1]) or resize(*rest, **more))
        rows = ImageEncoder.of(settings, "here").encode([tmp_path / "long.png"])
    assert resized == [(64 * 20, 64)]
    assert (rows.shown() == 255).all()
