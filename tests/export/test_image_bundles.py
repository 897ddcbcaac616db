"""Image classifiers of transformers in every format: parity, and bundles that predict from files by themselves."""

import json
import shutil

import numpy as np
import pytest
from sample_images import draw_images, labelled_images
from sample_models import exported_once, opened_once, save_tiny_image_body, save_tiny_image_student
from sample_places import places_named_in

from export.bundle import read_bundle
from export.checkpoint import load_checkpoint
from export.foreign import open_model
from export.formats import EXPORTERS
from export.origin import Unfit
from export.predictor import Predictor
from export.runtimes import RUNTIMES
from export.runtimes.runtime import logits_of
from materials.errors import RequestError
from students import STUDENTS

TRANSFORMERS = ("vit", "resnet")
IMAGE_STUDENTS = tuple(
    name for name, student in STUDENTS.items() if "image" in student.modalities and not student.is_pretrained
)
ARCHITECTURES = (*TRANSFORMERS, "image body", *(f"student {name}" for name in IMAGE_STUDENTS))
# A compiler's minute each: of architectures as shared libraries, one is made in every run of the tests.
SLOW = {("aotinductor", architecture) for architecture in ARCHITECTURES[:-1]}
PAIRS = [
    pytest.param(architecture, format, marks=[pytest.mark.sweep] if (format, architecture) in SLOW else [])
    for architecture in ARCHITECTURES
    for format in EXPORTERS
]


@pytest.fixture(scope="session")
def folders(tiny_vit, tiny_resnet, tmp_path_factory):
    """The model folders of the tiny architectures, by name."""
    root, drawn = tmp_path_factory.mktemp("students"), tmp_path_factory.mktemp("train")
    students = {f"student {name}": save_tiny_image_student(root / name, name, drawn / name) for name in IMAGE_STUDENTS}
    body = save_tiny_image_body(root / "body", drawn / "body")
    return {"vit": tiny_vit, "resnet": tiny_resnet, "image body": body, **students}


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Paths of images that no model has seen, and their label names."""
    return draw_images(tmp_path_factory.mktemp("images"), 40, start=1000)


@pytest.fixture(scope="session")
def origin_of(tmp_path_factory, folders):
    """A function that gives an architecture ready to be exported."""
    with opened_once(folders, draw_images(tmp_path_factory.mktemp("calibration"), 20, start=2000)[0]) as get:
        yield get


@pytest.fixture(scope="session")
def bundles(tmp_path_factory, origin_of):
    """A function that gives the bundle of an architecture in a format, exported once."""
    rows = labelled_images(tmp_path_factory.mktemp("rows"), 40, start=1000)
    get = exported_once(origin_of, tmp_path_factory.mktemp("bundles"), rows=rows)
    return lambda architecture, format: read_bundle(get(architecture, format))


@pytest.fixture
def copy(folders, tmp_path):
    """A copy of a model folder to do harm to."""
    return shutil.copytree(folders["vit"], tmp_path / "copy")


@pytest.mark.parametrize(("architecture", "format"), PAIRS)
def test_every_image_classifier_passes_parity_in_every_format(bundles, architecture, format):
    parity = bundles(architecture, format).parity
    assert parity["status"] == ("reference" if format == "eager" else "passed"), parity["reason"]
    if not EXPORTERS[format].lossy:
        assert parity["largest_difference"] <= 1e-4


@pytest.mark.parametrize("int8", ["onnx-int8", "onnx-int8-static", "openvino-int8"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_int8_of_an_image_classifier_is_smaller_than_fp32(bundles, architecture, int8):
    fp32, weights = ("openvino", "model.bin") if int8.startswith("openvino") else ("onnx", "model.onnx")
    sizes = [(bundles(architecture, format).folder / weights).stat().st_size for format in (int8, fp32)]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("format", ["onnx-int8", "onnx-int8-static"])
def test_model_without_tables_has_no_int8_file_of_tables_only(origin_of, tmp_path, format):
    with pytest.raises(Unfit, match="no weights of this kind"):
        EXPORTERS[format].settings["tables only"](origin_of("resnet"), tmp_path)


@pytest.mark.parametrize(("architecture", "format"), PAIRS)
def test_every_bundle_predicts_from_image_files_by_itself(bundles, images, architecture, format):
    predictor = Predictor(bundles(architecture, format).folder)
    paths, labels = images
    predictions = predictor.predict(paths)
    assert [prediction.label for prediction in predictions] == labels
    assert all(sum(prediction.probabilities.values()) == pytest.approx(1) for prediction in predictions)
    alone = [predictor.predict([path])[0].probability for path in paths[:3]]
    assert alone == pytest.approx([prediction.probability for prediction in predictions[:3]], abs=0.03)


@pytest.mark.parametrize(("architecture", "format"), PAIRS)
def test_no_file_of_an_image_bundle_names_a_folder_of_the_exporting_machine(bundles, architecture, format):
    assert places_named_in(bundles(architecture, format).folder) == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_image_bundle_says_what_it_takes_and_holds_its_settings(bundles, architecture):
    bundle = bundles(architecture, "onnx")
    names = sorted(path.name for path in bundle.folder.iterdir())
    companions = ["config.json"] if architecture in TRANSFORMERS else []
    assert names == ["bundle.json", *companions, "model.onnx", "preprocessor_config.json", "reference.npz"]
    assert (bundle.modality, bundle.max_length_tokens, bundle.padding) == ("image", None, None)
    assert bundle.inputs == load_checkpoint(bundles(architecture, "eager").folder).encoder.inputs
    (pixels,) = bundle.inputs
    assert (pixels.name, pixels.dtype, pixels.dimensions) == ("pixel_values", "float32", ("batch", 3, 32, 32))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_onnx_is_one_sound_file_with_a_dynamic_batch(bundles, architecture):
    import onnx

    model = onnx.load(bundles(architecture, "onnx").model_path)
    onnx.checker.check_model(model, full_check=True)
    (pixels,) = model.graph.input
    assert [axis.dim_param or axis.dim_value for axis in pixels.type.tensor_type.shape.dim] == ["batch", 3, 32, 32]


def test_onnx_bundle_predicts_images_without_torch(bundles, images):
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from export.predictor import Predictor\n"
        "print(Predictor(Path(sys.argv[1])).predict([sys.argv[2]])[0].label)\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    command = [sys.executable, "-c", program, str(bundles("vit", "onnx").folder), images[0][0]]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == images[1][0]


@pytest.mark.parametrize("architecture", TRANSFORMERS)
def test_bundle_and_folder_compute_what_transformers_computes(folders, bundles, images, architecture):
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    folder = folders[architecture]
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    pixels = AutoImageProcessor.from_pretrained(folder)([Image.open(path) for path in images[0]], return_tensors="pt")
    with torch.inference_mode():
        expected = model(**pixels).logits.numpy()
    assert np.abs(Predictor(bundles(architecture, "onnx").folder).logits(images[0]) - expected).max() <= 1e-4
    foreign = open_model(folder)
    encoder = foreign.encoder()
    foreign_logits = logits_of(RUNTIMES[foreign.runtime](foreign, 1), encoder, encoder.encode(images[0]))
    assert np.abs(foreign_logits - expected).max() <= 1e-5


def test_foreign_folder_of_images_is_described(folders):
    bundle = open_model(folders["vit"])
    assert (bundle.modality, bundle.architecture, bundle.label_names) == ("image", "vit", ("blue", "red"))
    assert set(bundle.files) == {"preprocessor_config.json", "model.safetensors"}
    assert bundle.parameters == load_checkpoint(folders["vit"]).parameters
    assert open_model(folders["vit"], label_names=("sea", "fire")).label_names == ("sea", "fire")


def test_head_that_does_not_classify_names_both_heads_that_do(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "architectures": ["ViTModel"]}))
    sentence = r"names \['ViTModel'\], expected ...ForSequenceClassification or ...ForImageClassification"
    for read in (load_checkpoint, open_model):
        with pytest.raises(RequestError, match=sentence):
            read(copy)


def set_config(**changed):
    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **changed}))

    return change


HARMS = {
    "no settings": (lambda folder: (folder / "preprocessor_config.json").unlink(), "has no preprocessor_config.json"),
    "damaged settings": (
        lambda folder: (folder / "preprocessor_config.json").write_text("{"),
        "preprocessor_config.json cannot be read as the settings of an image processor: ",
    ),
    "unknown settings": (
        lambda folder: (folder / "preprocessor_config.json").write_text('{"image_processor_type": "none"}'),
        "preprocessor_config.json cannot be read as the settings of an image processor: ",
    ),
    "damaged weights": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"damaged"),
        "cannot be opened as a model that classifies images: ",
    ),
    "weights of another kind only": (
        lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
        "cannot be opened as a model that classifies images: ",
    ),
    "damaged configuration": (lambda folder: (folder / "config.json").write_text("{"), "config.json is damaged: "),
    "unknown model": (set_config(model_type="nothing"), "cannot be (opened|read) as "),
    "code of its own": (
        set_config(model_type="nothing", auto_map={"AutoModelForImageClassification": "code.Model"}),
        "cannot be (opened|read) as ",
    ),
    "grey images": (set_config(num_channels=1), "(takes images of 1 colours; expected 3|cannot be opened)"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_damaged_folder_is_refused_in_one_sentence(copy, harm):
    change, sentence = HARMS[harm]
    change(copy)
    with pytest.raises(RequestError, match=sentence) as refused:
        load_checkpoint(copy)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600


def test_saved_teacher_is_the_same_after_loading_and_opens_with_transformers(folders, images, tmp_path):
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    from teachers import TEACHERS

    kind = TEACHERS["image-classifier"]
    original = load_checkpoint(folders["resnet"])
    kind.save(original, tmp_path)
    loaded = load_checkpoint(tmp_path)
    assert loaded.label_names == original.label_names == ("blue", "red")
    pixels = torch.from_numpy(original.encoder.pad(original.encoder.encode(images[0][:3]))["pixel_values"])
    assert np.array_equal(loaded.encoder.pad(loaded.encoder.encode(images[0][:3]))["pixel_values"], pixels.numpy())
    with torch.inference_mode():
        assert torch.equal(loaded.module(pixels), original.module(pixels))
        assert torch.equal(
            AutoModelForImageClassification.from_pretrained(tmp_path)(pixels).logits, loaded.module(pixels)
        )
    assert AutoImageProcessor.from_pretrained(tmp_path).crop_pct == 0.875


def test_new_head_is_drawn_by_the_seed_and_has_the_labels_asked_for(folders):
    from teachers import TEACHERS

    start = TEACHERS["image-classifier"].start
    classifier = start(folders["resnet"], ("red", "blue"), seed=0)
    assert classifier.label_names == ("red", "blue")
    assert classifier.module.model.config.id2label == {0: "red", 1: "blue"}


def test_image_file_that_is_none_is_refused_by_the_predictor(bundles, images, tmp_path):
    (tmp_path / "text.png").write_text("a lovely film")
    with pytest.raises(RequestError, match="text.png is no image of a known format"):
        Predictor(bundles("vit", "onnx").folder).predict([images[0][0], str(tmp_path / "text.png")])
