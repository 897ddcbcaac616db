"""Imports what is slow to import, so that processes forked afterwards need not."""

import onnx
import onnxruntime
import onnxruntime.quantization
import pandas
import torch
import torch.onnx._internal.exporter._core
import transformers
from onnxscript.rewriter import ort_fusions

import bench.commands.export
import teachers

__all__ = ["bench", "onnx", "onnxruntime", "ort_fusions", "pandas", "teachers", "torch", "transformers"]
