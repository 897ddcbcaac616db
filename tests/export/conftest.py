"""Tiny bundles of a student and a transformer in every format, each exported once."""

import pytest
from sample_models import export_tiny, save_tiny_bundle, save_tiny_transformer

LICENCES = {"tiny": "Apache-2.0", "reviews.csv": "CC BY-NC-SA 3.0 (non-commercial)"}


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory, tiny_bert):
    """A function that gives the bundle of a model, 'student' or 'transformer', in a format."""
    root = tmp_path_factory.mktemp("tiny-bundles")
    checkpoints = {
        "student": save_tiny_bundle(root / "student", format="eager").parent / "checkpoint",
        "transformer": save_tiny_transformer(root / "transformer" / "checkpoint", tiny_bert),
    }

    def get(model, format):
        folder = root / model / "bundles" / format
        if not folder.exists():
            export_tiny(checkpoints[model], folder, format=format, licences=LICENCES)
            complete(checkpoints[model], folder)
        return folder

    return get


def complete(checkpoint, folder):
    """Do to a finished bundle what makes it open in other tools."""
    from export.bundle import read_bundle, write_bundle
    from export.checkpoint import load_checkpoint
    from export.companions import write_companions
    from export.onnx_metadata import describe_onnx

    bundle = read_bundle(folder)
    write_companions(load_checkpoint(checkpoint), checkpoint, folder)
    if bundle.model_file.endswith(".onnx"):
        describe_onnx(
            bundle.model_path,
            label_names=bundle.label_names,
            input_names=[one.name for one in bundle.inputs],
            max_length_tokens=bundle.max_length_tokens,
            licences=bundle.licences,
        )
    write_bundle(bundle)
