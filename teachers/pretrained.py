"""How models are read with the library transformers: from local files, without code of theirs, and quietly."""

import textwrap
from collections.abc import Mapping
from typing import Any

SAFELY: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
LONGEST_LINE = 240


def first_line(error: Exception) -> str:
    """The first line of what an error says, cut where it goes on and on, or the name of its kind."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return textwrap.shorten(line, LONGEST_LINE, placeholder=" ...")


class quiet_transformers:
    """Hide the load report: a new head on a pretrained body is what was asked for."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self.verbosity = logging.get_verbosity()
        logging.set_verbosity_error()
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        from transformers.utils import logging

        logging.set_verbosity(self.verbosity)
