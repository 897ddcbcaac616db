"""Keeps the notes of exporters about their own internals from the user."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

WARNINGS, ERRORS = 2, 3  # as ONNX Runtime counts
LOGGERS = ("", "torch.onnx", "transformers", "nncf")


@contextmanager
def quiet() -> Iterator[None]:
    """Hide warnings, prints, and log messages below errors of the libraries that export while the block runs."""
    import onnxruntime

    loggers = [logging.getLogger(name or None) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    onnxruntime.set_default_logger_severity(ERRORS)  # that of sessions which quantisers open
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        onnxruntime.set_default_logger_severity(WARNINGS)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
