"""What the outputs of somebody else's model are: logits, or probabilities already."""

import numpy as np

from export.bundle import Bundle

TOLERANCE = 1e-3  # of sums of probabilities in half precision
SMALLEST = 1e-12


def are_probabilities(bundle: Bundle, outputs: np.ndarray) -> bool:
    """Whether the outputs (rows, labels) of somebody else's file are probabilities.

    They are where none is negative and each row sums to 1; those of several labels where all lie between 0 and 1.
    """
    is_file_of_others = bundle.runtime in ("onnxruntime", "openvino") and not bundle.exported
    if not is_file_of_others or not bundle.task.has_names or not np.isfinite(outputs).all() or (outputs < 0).any():
        return False
    if bundle.task.name == "multi-label":
        return bool((outputs <= 1).all())
    return outputs.shape[1] > 1 and bool((abs(outputs.astype(np.float64).sum(axis=1) - 1) <= TOLERANCE).all())


def as_logits(bundle: Bundle, outputs: np.ndarray) -> np.ndarray:
    """The outputs, or for probabilities the logits that they are of, float32 (rows, labels)."""
    if not are_probabilities(bundle, outputs):
        return outputs
    logarithms = np.log(np.maximum(outputs, SMALLEST))
    if bundle.task.name == "multi-label":  # the sigmoid's inverse; the softmax takes logarithms as they are
        logarithms = logarithms - np.log(np.maximum(1 - outputs, SMALLEST))
    return logarithms.astype(np.float32)
