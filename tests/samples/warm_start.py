"""Exports one architecture as it is imported, so that processes forked afterwards find all imports and tables ready.

The server that forks them can only import modules; see `architecture_outcomes`. Half of a tiny export is such starting.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from architecture_outcomes import exported_quietly
from tiny_architectures import Architecture

with TemporaryDirectory(prefix="architecture-") as folder:
    WARMED = exported_quietly(Architecture(kind="text", model_type="bert"), Path(folder))
