"""The command `push`: a bundle with its card becomes a repository on the Hugging Face Hub."""

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from bench.card.write import CARD
from bench.reports.screen import Screen
from export.bundle import RECORD, Bundle, read_bundle
from export.permission import CODE
from materials.errors import LONGEST_LINE, RequestError, in_one_line
from materials.licences import forbids_commerce

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TAKEN, NOT_ALLOWED = 409, (401, 403)  # of the Hub's answers


@dataclass(frozen=True, kw_only=True)
class PushRequest:
    """Which bundle becomes which repository, OWNER/NAME or NAME alone.

    `update` is for a repository that is there already; `agreed` for a bundle that nobody should pass on unawares.
    """

    bundle: Path
    name: str
    public: bool = False
    update: bool = False
    agreed: bool = False


def push_bundle(request: PushRequest) -> None:
    """Upload the files that bundle.json lists, bundle.json and the card, and print where they are.

    Raises RequestError for a damaged bundle or one that failed its gate, for one that is code or of non-commercial
    material unless this was agreed to, without a token, for a name that is taken, and when the Hub refuses or does not
    answer.
    """
    if request.update and request.public:
        raise RequestError("--public is for a new repository, and --update leaves that as it is; leave one of them out")
    bundle = read_bundle(request.bundle, to_run=False)
    _check_sound(bundle)
    if not request.agreed and (warnings := list(_warnings(bundle))):
        raise RequestError(f"{request.bundle} {', and '.join(warnings)}; to upload it all the same, add --yes")
    _check_card(request.bundle)
    names = [*bundle.files, RECORD, *([CARD] if (request.bundle / CARD).is_file() else [])]
    address = _upload(request, names)
    visibility = "" if request.update else f" ({'public' if request.public else 'private'})"
    print(f"uploaded {len(names)} files to {address}{visibility}")


def _check_sound(bundle: Bundle) -> None:
    if bundle.parity["status"] == "failed":
        raise RequestError(f"{bundle.folder} failed its gate, and is not uploaded: {bundle.parity['reason']}")
    if bundle.model_file not in bundle.files:
        raise RequestError(f"{bundle.folder} holds no model file '{bundle.model_file}'; there is nothing to upload")


def _warnings(bundle: Bundle) -> Iterator[str]:
    """What whoever passes the bundle on should know."""
    if bundle.runtime in CODE:
        yield f"runs code on the machine of whoever opens it ({CODE[bundle.runtime]})"
    sources = [f"{name}: {licence}" for name, licence in bundle.licences.items() if forbids_commerce(licence)]
    if sources:
        yield f"is made from non-commercial material ({'; '.join(sources)})"


def _check_card(folder: Path) -> None:
    """Raise RequestError for a card without a sound header, before anything is sent; say so where there is no card."""
    from huggingface_hub import metadata_load

    if not (folder / CARD).is_file():
        Screen().notice(f"{folder} has no card ({CARD}), so the Hub will show none; `distilbench run` writes them")
        return
    try:
        metadata = metadata_load(folder / CARD)
    except Exception as error:  # of YAML, of an encoding
        raise RequestError(f"the header of {folder / CARD} cannot be read: {in_one_line(error)}") from None
    if not metadata:
        raise RequestError(f"{folder / CARD} has no header; expected YAML between two lines of ---, as `run` writes it")


def _upload(request: PushRequest, names: list[str]) -> str:
    """Make the repository, unless it is to be updated, and commit the files; its address."""
    from huggingface_hub import HfApi, get_token

    api = HfApi(library_name="distilbench")
    if get_token() is None:
        raise RequestError(f"there is no token for {api.endpoint}; log in with `hf auth login`, or set HF_TOKEN")
    with _refusing(request, api, "make"):
        repository = api.create_repo(request.name, private=not request.public, exist_ok=request.update)
    with _refusing(request, api, "fill"):
        api.upload_folder(
            repo_id=repository.repo_id,
            folder_path=request.bundle,
            allow_patterns=[glob.escape(name) for name in names],
            commit_message=f"Upload {request.bundle.resolve().name} with distilbench",
        )
    return str(repository)


@contextmanager
def _refusing(request: PushRequest, api: "HfApi", verb: str) -> Iterator[None]:
    """Turn what the Hub's client raises into a sentence: a dozen kinds, each of which means that it was not done."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except Exception as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        place = f"the repository '{request.name}' at {api.endpoint}"
        reason = _reason(error)
        if status == TAKEN and verb == "make":
            reason = "there is one of that name already; take another name, or replace its files with --update"
        elif status in NOT_ALLOWED:
            reason = f"the token may not write there; take one that may, or another name ({reason})"
        goes_on = "" if verb == "make" else "; it is there, and the same command with --update goes on"
        raise RequestError(f"could not {verb} {place}: {reason}{goes_on}") from error


def _reason(error: BaseException) -> str:
    """What the Hub itself says, else its client, which puts what is wrong with a card on lines of their own."""
    if isinstance(error, RuntimeError) and error.__cause__:  # which says of which file only
        return f"{in_one_line(error)} {_reason(error.__cause__)}"
    words = getattr(error, "server_message", None) or (str(error) if isinstance(error, ValueError) else "")
    return shorten(" ".join(words.split()), LONGEST_LINE, placeholder=" ...") or in_one_line(error)
