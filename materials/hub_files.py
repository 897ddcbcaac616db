"""Files of data sets on the Hugging Face Hub, by the names that its own file system gives them."""

import re
from pathlib import Path

from materials.errors import RequestError, in_one_line
from materials.sources.table_file import SUFFIXES

START = "hf://datasets/"
FORM = f"{START}OWNER/NAME[@REVISION]/PATH"
NAME = re.compile(r"(?P<repository>[^/@]+/[^/@]+)(@(?P<revision>refs/[^/]+/[^/]+|[^/]+))?/(?P<file>.+)")


def is_on_hub(name: str) -> bool:
    """Whether a name is that of a file on the Hub, such as hf://datasets/owner/name/rows.parquet."""
    return name.startswith("hf://")


def name_fault(name: str) -> str | None:
    """What is wrong with the name of a file that is not on this machine; none where nothing is."""
    if name.startswith(("http://", "https://")):
        return f"'{name}' is not fetched; give a file, or one on the Hub as {FORM}"
    if is_on_hub(name) and not (name.startswith(START) and NAME.fullmatch(name.removeprefix(START))):
        return f"'{name}' is no name of a file on the Hub; expected {FORM}"
    if is_on_hub(name) and not name.endswith(SUFFIXES):
        return f"'{name}' is no file that can be read; expected {', '.join(SUFFIXES)}"
    return None


def local_file(name: str) -> Path:
    """The path of a file, which is fetched into the Hub's own cache where the name is that of a file on the Hub.

    Raises RequestError when such a name is malformed or does not come.
    """
    if not is_on_hub(name):
        return Path(name)
    if fault := name_fault(name):
        raise RequestError(fault)
    parts = NAME.fullmatch(name.removeprefix(START))
    assert parts is not None
    from huggingface_hub import hf_hub_download

    try:
        return Path(
            hf_hub_download(parts["repository"], parts["file"], repo_type="dataset", revision=parts["revision"])
        )
    except Exception as error:  # the Hub's client raises a dozen kinds, each of which means that it did not come
        raise RequestError(f"could not get '{name}' from the Hub ({in_one_line(error)})") from error
