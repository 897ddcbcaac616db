"""The graphs that formats start from, each made once for an origin and kept in its scratch folder."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from export.graphs.example import example_inputs
from export.graphs.sensitivity import most_sensitive_first
from export.graphs.smoothing import smooth
from export.origin import OPSET, Origin, Unfit
from export.quiet import quiet
from materials.errors import RequestError

if TYPE_CHECKING:
    from torch import nn

PLAIN, PREPARED, SMOOTHED = "plain.onnx", "prepared.onnx", "smoothed.onnx"
LARGEST_WEIGHTS_BYTES = 1536 * 2**20  # above it, torch writes a second file


def deployed_module(origin: Origin) -> "nn.Module":
    """The module that goes into a file: the trained one, or what a student is deployed as."""
    import torch

    from students.student import Student

    module = origin.classifier.module.eval()
    if not isinstance(module, Student):
        return module
    with torch.inference_mode(False):  # whose weights torch.export would refuse
        return module.deployed().eval()


def plain_onnx(origin: Origin) -> Path:
    """The model as torch exports it to ONNX, fp32, before any optimisation."""
    return _once(origin.scratch / PLAIN, lambda file: _export(origin, file))


def prepared_onnx(origin: Origin) -> Path:
    """The plain ONNX file with its constants folded, as the quantisers of ONNX Runtime want it."""
    return _once(origin.scratch / PREPARED, lambda file: _prepare(plain_onnx(origin), file))


def smoothed_onnx(origin: Origin) -> Path:
    """The prepared file with the outliers of its activations moved into the weights."""

    def make(file: Path) -> None:
        import onnx

        model = onnx.load(prepared_onnx(origin))
        smooth(model, origin)
        onnx.save(model, file)

    return _once(origin.scratch / SMOOTHED, make)


def layers_to_spare(origin: Origin, number: int) -> Sequence[str]:
    """The names of the `number` most sensitive layers, the worst first. Raises Unfit for a model that has fewer."""
    layers = most_sensitive_layers(origin) if number else []
    if number > len(layers):
        raise Unfit(f"the model has {len(layers)} layers that can be spared")
    return layers[:number]


def most_sensitive_layers(origin: Origin) -> list[str]:
    """The names of the smoothed file's layers, the one that suffers most from int8 first."""

    def make(file: Path) -> None:
        import onnx

        layers = most_sensitive_first(origin, onnx.load(smoothed_onnx(origin)))
        file.write_text(json.dumps(layers), encoding="utf-8")

    layers: list[str] = json.loads(_once(origin.scratch / "layers.json", make).read_text(encoding="utf-8"))
    return layers


def _once(file: Path, make: Callable[[Path], None]) -> Path:
    """The file, made if it is not there; a half-made one never has its name."""
    if not file.exists():
        unfinished_file = file.with_suffix(".unfinished" + file.suffix)
        make(unfinished_file)
        unfinished_file.rename(file)
    return file


def _prepare(plain: Path, file: Path) -> None:
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with quiet():
        quant_pre_process(str(plain), str(file), skip_symbolic_shape=True)
        model = onnx.load(file)
        del model.graph.value_info[:]  # shapes that folding has made stale, which onnx's shape inference refuses
        onnx.save(model, file)


def _export(origin: Origin, file: Path) -> None:
    """Write the model as torch exports it, or raise again what that raised before: each setting asks anew."""
    if origin.failures:
        raise origin.failures[0]
    try:
        _write(origin, file)
    except Exception as error:  # torch may raise anything for a model that it cannot express
        origin.failures.append(error)
        raise


def _write(origin: Origin, file: Path) -> None:
    """Write the model as torch exports it, weights inside, with named inputs and dynamic axes from its graph inputs.

    Raises RequestError for an opset that cannot express the model, and Unfit for weights that fit no single file.
    """
    import torch

    module = deployed_module(origin)
    size = sum(weight.nbytes for weight in (*module.parameters(), *module.buffers()))
    if size > LARGEST_WEIGHTS_BYTES:
        raise Unfit(f"weights of {size / 1e9:.1f} GB do not fit one ONNX file ({LARGEST_WEIGHTS_BYTES / 1e9:.1f} GB)")
    encoder = origin.classifier.encoder
    example = example_inputs(encoder)
    shapes = tuple(
        {axis: name for axis, name in enumerate(graph_input.dimensions) if isinstance(name, str)}
        for graph_input in encoder.inputs
    )
    with quiet(), torch.inference_mode():
        program = torch.onnx.export(
            module,
            tuple(torch.from_numpy(array) for array in example.values()),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(example),
            output_names=["logits"],
            opset_version=origin.opset,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the ONNX exporter returned no program")
    if program.model.opset_imports[""] != origin.opset:  # it keeps the one it has, without an error
        raise RequestError(
            f"opset {origin.opset} cannot express this model; torch's exporter gave opset "
            f"{program.model.opset_imports['']} instead; choose one that it can, such as {OPSET}"
        )
    program.save(str(file), external_data=False)
