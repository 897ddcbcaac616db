"""Faults that exports really have, planted between a model and its file: in the module, the graph, or beside it."""

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from export.origin import Origin

Write = Callable[["Origin", Path], None]
DATA = "model.onnx.data"
HEAD_BIASES = ("model.classifier.bias", "output.bias")
OVERFLOWING = 1000.0  # twice, which takes values far below 1 past the largest of fp16


def faulty(module: "nn.Module", fault: str) -> "nn.Module":
    """A copy of a trained module with the fault."""
    return MODULE_FAULTS[fault](copy.deepcopy(module).eval())


def _head_of(module: Any) -> tuple[Any, str]:
    return (module.model, "classifier") if hasattr(module, "model") else (module, "output")


def _dropped_head(module: "nn.Module") -> "nn.Module":
    from torch import nn

    owner, name = _head_of(module)
    nothing = nn.Identity()
    nothing.weight = getattr(owner, name).weight  # of which some ask the type
    setattr(owner, name, nothing)
    return module


def _zeroed_bias(module: "nn.Module") -> "nn.Module":
    owner, name = _head_of(module)
    getattr(owner, name).bias.data[1] = 0
    return module


def _other_seed(module: "nn.Module") -> "nn.Module":
    import torch
    from torch import nn

    torch.manual_seed(1)
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Conv2d)):
            part.reset_parameters()
    return module


def _missing_layer(module: Any) -> "nn.Module":
    if hasattr(module, "model"):
        del module.model.bert.encoder.layer[-1]
    else:
        del module.hidden[:]
    return module


def _wrong_pooling(module: Any) -> "nn.Module":
    from torch import nn

    class MeanPooler(nn.Module):
        def __init__(self, pooler: nn.Module) -> None:
            super().__init__()
            self.pooler = pooler

        def forward(self, hidden: "Tensor") -> "Tensor":
            return self.pooler(hidden.mean(dim=1, keepdim=True))

    class Maximum(nn.Module):
        def forward(self, values: "Tensor") -> "Tensor":
            return values.amax(dim=(2, 3), keepdim=True)

    if hasattr(module, "model"):
        module.model.bert.pooler = MeanPooler(module.model.bert.pooler)
    else:
        module.body.stages.append(Maximum())  # the mean of one number is that number
    return module


def _dropout_on(module: "nn.Module") -> "nn.Module":
    import torch.nn.functional as F
    from torch import nn

    class Dropping(nn.Module):
        def forward(self, values: "Tensor") -> "Tensor":
            return F.dropout(values, 0.1, training=True)

    return _replaced(module, nn.Dropout, Dropping)


def _batch_norm_in_training(module: "nn.Module") -> "nn.Module":
    import torch.nn.functional as F
    from torch import nn

    class OfTheBatch(nn.Module):
        def forward(self, values: "Tensor") -> "Tensor":
            return F.batch_norm(values, None, None, training=True)

    return _replaced(module, nn.modules.batchnorm._BatchNorm, OfTheBatch)


def _replaced(module: "nn.Module", kind: type, part: "Callable[[], nn.Module]") -> "nn.Module":
    names = [name for name, value in module.named_modules() if isinstance(value, kind)]
    assert names
    for name in names:
        module.set_submodule(name, part())
    return module


def _unknown_word_zeroed(module: Any) -> "nn.Module":
    module.model.bert.embeddings.word_embeddings.weight.data[1] = 0
    return module


def _short_table(module: Any) -> "nn.Module":
    embeddings = module.model.bert.embeddings.word_embeddings
    embeddings.weight.data = embeddings.weight.data[:-1].clone()
    return module


def _given(change: "Callable[..., Sequence[Tensor]]") -> "Callable[[nn.Module], nn.Module]":
    """A fault in how a module is given its inputs, which `change` makes of the right ones."""

    def plant(module: "nn.Module") -> "nn.Module":
        from torch import nn

        class Given(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.module = module

            def forward(self, first: "Tensor", second: "Tensor | None" = None) -> "Tensor":
                inputs = (first,) if second is None else (first, second)
                return self.module(*change(*inputs))

        return Given().eval()

    return plant


def _swapped_inputs(*inputs: "Tensor") -> "Sequence[Tensor]":
    return inputs[::-1] if len(inputs) > 1 else (inputs[0].flip(1),)  # the colours of images, blue first


def _padded_left(ids: "Tensor", mask: "Tensor") -> "Sequence[Tensor]":
    order = mask.argsort(dim=1, stable=True)
    return ids.gather(1, order), mask.gather(1, order)


def _swapped_outputs(module: "nn.Module") -> "nn.Module":
    owner, name = _head_of(module)
    head = getattr(owner, name)
    head.weight.data, head.bias.data = head.weight.data.flip(0), head.bias.data.flip(0)
    return module


MODULE_FAULTS: "dict[str, Callable[[Any], nn.Module]]" = {
    "batch norm in training mode": _batch_norm_in_training,
    "bias zeroed": _zeroed_bias,
    "cut by the graph": _given(lambda *inputs: [values[:, :23] for values in inputs]),
    "dropout": _dropout_on,
    "frozen batch": _given(lambda *inputs: [values.reshape(2, *values.shape[1:]) for values in inputs]),
    "head dropped": _dropped_head,
    "input order": _given(_swapped_inputs),
    "layer missing": _missing_layer,
    "outputs swapped": _swapped_outputs,
    "padded left": _given(_padded_left),
    "pooling": _wrong_pooling,
    "seed": _other_seed,
    "table too short": _short_table,
    "unknown word zeroed": _unknown_word_zeroed,
}


def write_external(origin: "Origin", folder: Path) -> None:
    """Write model.onnx as torch exports it, its weights in a file beside it."""
    import onnx

    from export.graphs.prepared import plain_onnx

    _save_external(onnx.load(plain_onnx(origin)), folder)


def write_swapped(origin: "Origin", folder: Path) -> None:
    """The same with other weights in the file beside it."""
    write_external(origin, folder)
    swap_data(folder)


def swap_data(folder: Path) -> None:
    """Put other weights of the same sizes in the place of those beside model.onnx."""
    import onnx
    from onnx import numpy_helper

    graph = (folder / "model.onnx").read_bytes()
    model, generator = onnx.load(folder / "model.onnx"), np.random.default_rng(1)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            weights = numpy_helper.to_array(tensor)
            other_weights = generator.permutation(weights.ravel()).reshape(weights.shape)
            tensor.CopyFrom(numpy_helper.from_array(other_weights, tensor.name))
    (folder / DATA).unlink()
    _save_external(model, folder)
    (folder / "model.onnx").write_bytes(graph)


def _save_external(model: Any, folder: Path) -> None:
    import onnx

    # Small arrays stay in the graph, as ONNX Runtime reads the shapes among them before it reads any file.
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location=DATA, size_threshold=256)


def with_swapped_scales(write: Write) -> Write:
    """The int8 file of a writer in which each layer has the scales of the next."""

    def write_swapped(origin: "Origin", folder: Path) -> None:
        import onnx
        from onnx import numpy_helper

        write(origin, folder)
        model = onnx.load(folder / "model.onnx")
        tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        names = [name for name in tensors if name.removesuffix("_scale") + "_quantized" in tensors]
        scales = [numpy_helper.to_array(tensors[name]) for name in names]
        for name, own_scales, other_scales in zip(names, scales, [*scales[1:], scales[0]], strict=True):
            tensors[name].CopyFrom(numpy_helper.from_array(np.resize(other_scales, own_scales.shape), name))
        onnx.save(model, folder / "model.onnx")

    return write_swapped


def with_zeroed_bias(write: Write) -> Write:
    """The file of a writer in which the head's bias is 0 for one class."""

    def write_zeroed(origin: "Origin", folder: Path) -> None:
        write(origin, folder)
        zero_bias(folder / "model.onnx")

    return write_zeroed


def write_zeroed_bf16(origin: "Origin", folder: Path) -> None:
    """Write the checkpoint in bf16 in which the head's bias is 0 for one class."""
    from safetensors.torch import load_file, save_file

    from export.formats.to_eager import write_eager_bf16

    write_eager_bf16(origin, folder)
    weights = load_file(folder / "model.safetensors")
    next(weights[name] for name in weights if name.endswith(("classifier.bias", "output.bias")))[1] = 0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def zero_bias(file: Path) -> None:
    """Set the head's bias for one class to 0 in an ONNX file."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(file)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name in HEAD_BIASES)
    values = numpy_helper.to_array(tensor).copy()
    values[1] = 0
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, file)


def write_overflowing(origin: "Origin", folder: Path) -> None:
    """Write model.onnx as torch exports it, one value in it times a million and divided by it again."""
    import onnx
    from onnx import helper, numpy_helper

    from export.formats.to_onnx import write_plain_onnx

    write_plain_onnx(origin, folder)
    model = onnx.load(folder / "model.onnx")
    place, maker = next(
        (place, node) for place, node in enumerate(model.graph.node) if node.op_type in ("LayerNormalization", "Relu")
    )
    name, last = maker.output[0], f"{maker.output[0]}/wide"
    maker.output[0] = last
    for number, factor in enumerate((OVERFLOWING, OVERFLOWING, 1 / OVERFLOWING, 1 / OVERFLOWING)):
        model.graph.initializer.append(numpy_helper.from_array(np.float32(factor), f"{name}/factor-{number}"))
        result = name if number == 3 else f"{name}/wide-{number}"
        node = helper.make_node("Mul", [last, f"{name}/factor-{number}"], [result], name=f"{name}/widening-{number}")
        model.graph.node.insert(place + 1 + number, node)
        last = result
    onnx.save(model, folder / "model.onnx")


def changed_json(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Write a JSON file again with a change."""
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")
