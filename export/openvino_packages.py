"""Imports OpenVINO's packages, which are an extra, and keeps them from sending usage data."""

import importlib
import sys
from typing import Any

from export.quiet import quiet
from materials.errors import RequestError

TELEMETRY = "openvino_telemetry"


def import_openvino(name: str) -> Any:
    """The module openvino or nncf. Raises RequestError when it is not installed.

    Both send usage data to their maker unless their telemetry cannot be imported.
    """
    sys.modules[TELEMETRY] = None  # type: ignore[assignment] # an import of it then fails, for which both are prepared
    try:
        with quiet():
            return importlib.import_module(name)
    except ImportError:
        raise RequestError(
            f"OpenVINO needs the package {name}; install distilbench with its extra 'openvino'"
        ) from None
