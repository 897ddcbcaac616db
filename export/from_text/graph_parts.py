"""Nodes and constants of an ONNX graph while it is put together."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

EXTENSIONS = "ai.onnx.contrib"
CLASSICAL = "ai.onnx.ml"


@dataclass(frozen=True, kw_only=True)
class GraphParts:
    """What has been put together so far; every name begins with `prefix`."""

    prefix: str
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def constant(self, values: Any) -> str:
        """The name of a constant: numbers as int64, or texts, of the shape of `values`."""
        from onnx import TensorProto, helper

        array = np.asarray(values)
        name = f"{self.prefix}constant_{len(self.constants)}"
        if array.dtype.kind == "U":
            texts = [text.encode() for text in array.ravel().tolist()]
            self.constants.append(helper.make_tensor(name, TensorProto.STRING, array.shape, texts))
        else:
            numbers = array.astype(np.int64)
            self.constants.append(helper.make_tensor(name, TensorProto.INT64, numbers.shape, numbers.ravel()))
        return name

    def add(self, operator: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any) -> list[str]:
        """The names of the outputs of a new node."""
        from onnx import helper

        number = len(self.nodes)
        names = [f"{self.prefix}{operator}_{number}_{output}" for output in range(outputs)]
        node = helper.make_node(
            operator, inputs, names, name=f"{self.prefix}{operator}_{number}", domain=domain, **attributes
        )
        self.nodes.append(node)
        return names

    def one(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """The name of the only output of a new node."""
        return self.add(operator, *inputs, domain=domain, **attributes)[0]

    def replace(self, texts: str, pattern: str, replacement: str) -> str:
        """`texts` with each match of an RE2 pattern replaced."""
        return self.one(
            "StringRegexReplace", texts, self.constant([pattern]), self.constant([replacement]), domain=EXTENSIONS
        )

    def choose(
        self, condition: str, then_parts: "GraphParts", then_output: str, other_parts: "GraphParts", other_output: str
    ) -> str:
        """The name of an output that is `then_output` where the single `condition` holds, else `other_output`."""
        from onnx import TensorProto, helper

        branches = {}
        for name, parts, output in (
            ("then_branch", then_parts, then_output),
            ("else_branch", other_parts, other_output),
        ):
            value = helper.make_tensor_value_info(output, TensorProto.STRING, None)
            branches[name] = helper.make_graph(parts.nodes, f"{parts.prefix}graph", [], [value], parts.constants)
        return self.one("If", condition, **branches)
