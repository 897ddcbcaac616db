"""Exports a model to one ONNX file with dynamic batch and length, through torch.export."""

from pathlib import Path

from export.example import example_inputs
from export.quiet import quiet
from training.classifier import Classifier

OPSET = 20


def write_onnx(classifier: Classifier, start: Path, folder: Path) -> None:
    """Write model.onnx, weights inside, with named inputs and dynamic axes from the model's graph inputs."""
    import torch

    example = example_inputs(classifier.encoder)
    shapes = tuple(
        {axis: name for axis, name in enumerate(graph_input.dimensions) if isinstance(name, str)}
        for graph_input in classifier.encoder.inputs
    )
    with quiet(), torch.inference_mode():
        program = torch.onnx.export(
            classifier.module.eval(),
            tuple(torch.from_numpy(array) for array in example.values()),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(example),
            output_names=["logits"],
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the ONNX exporter returned no program")
    program.save(str(folder / "model.onnx"), external_data=False)
