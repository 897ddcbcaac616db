"""Which bundles are code, and which of those may be opened: what this machine made, and what the user allows."""

from collections.abc import Mapping
from pathlib import Path

from materials.errors import RequestError
from materials.files import cache_folder, digest

MADE_HERE = "code-made-here"
CODE = {  # what the file of a runtime is, where opening it runs what its author wrote
    "aotinductor": "model.pt2 is a shared library",
    "torchscript": "model.ts is a program of torch's operators, which read and write files too",
    "model2vec": "pipeline.skops builds objects of any class or function of scikit-learn that it names",
}


def is_code(runtime: str) -> bool:
    """Whether opening a bundle of this runtime runs what its author wrote."""
    return runtime in CODE


def remember_code(runtime: str, files: Mapping[str, str]) -> None:
    """Note that this machine made a bundle, by its runtime and the digests of its files; of data there is no note."""
    if is_code(runtime):
        note = _note(runtime, files)
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        note.touch()


def check_code(folder: Path, runtime: str, files: Mapping[str, str], *, allow_code: bool) -> None:
    """Raise RequestError for a bundle that is code, unless this machine made it or the user allows code.

    `files` are digests that were found right. A note cannot be forged by who sends a bundle: it lies in the cache of
    this machine, not in the bundle, and its name is a digest of every file, so that a bundle with another library or
    program has another note. A copy of a bundle has the same one. Whoever can write to the cache needs no forgery:
    runs take the files of finished stages from there.
    """
    if allow_code or not is_code(runtime) or _note(runtime, files).is_file():
        return
    raise RequestError(
        f"{folder} was not made on this machine, and opening it runs code of whoever made it with all your rights "
        f"({CODE[runtime]}); if you trust them, allow it with --allow-code"
    )


def _note(runtime: str, files: Mapping[str, str]) -> Path:
    return cache_folder() / MADE_HERE / digest([runtime, dict(files)])
