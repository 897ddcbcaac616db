"""What `push` sends to a Hub on this machine through the Hub's own client, and what it refuses to send."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from sample_command import distilbench
from sample_hub import OWNER, READER, TOKEN, stand_in_hub

from export.bundle import RECORD, read_bundle
from materials.errors import RequestError

# The Hub's client puts files by a name of httpx2's argument that httpx2 has deprecated (huggingface_hub 2.4).
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
CARD = "---\nlicense: mit\n---\n\n# A model\n"


@pytest.fixture
def bundle(tmp_path, tiny_onnx):
    """A bundle of commercial material with a card and a file that is not its own."""
    folder = shutil.copytree(tiny_onnx, tmp_path / "onnx")
    (folder / "README.md").write_text(CARD)
    (folder / ".env").write_text("SECRET=1")
    change(folder, licences={"reviews.csv": "MIT"})
    return folder


def change(folder, **changes):
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps({**record, **changes}))


@pytest.fixture
def hub(monkeypatch):
    """The stand-in, to which the client in this process is turned."""
    with stand_in_hub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.address)
        monkeypatch.setattr(
            "huggingface_hub.constants.HF_HUB_DISABLE_XET", True
        )  # its store is no part of the stand-in
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


def program(*arguments, **environment):
    """The command line in a process of its own, which takes the Hub's address from the environment."""
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1", **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_pushed_bundle_is_whole_private_and_has_its_card_and_nothing_else(bundle, tmp_path, hub):
    answer = program("push", bundle, "mine", HF_ENDPOINT=hub.address, HF_TOKEN=TOKEN, HF_HOME=str(tmp_path / "home"))
    assert answer.returncode == 0, answer.stderr
    files = read_bundle(bundle).files
    assert answer.stdout == f"uploaded {len(files) + 2} files to {hub.address}/{OWNER}/mine (private)\n"
    repository = hub.repositories[f"{OWNER}/mine"]
    assert repository.private
    assert set(repository.files) == {*files, RECORD, "README.md"}
    assert all((bundle / name).read_bytes() == content for name, content in repository.files.items())
    assert "model.onnx" in repository.large
    assert repository.messages == ["Upload onnx with distilbench"]


def test_pushed_through_xet_it_is_whole_too(bundle, tmp_path, hub):
    """The way that the client takes where hf-xet is installed, as it is by default; the store is a folder here."""
    hub.xet_store = str(tmp_path / "xet")
    environment = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "home")}
    answer = program("push", bundle, "mine", **environment, HF_HUB_DISABLE_XET="0")
    assert answer.returncode == 0, answer.stderr
    repository, digests = hub.repositories[f"{OWNER}/mine"], read_bundle(bundle).files
    assert set(repository.files) == {*digests, RECORD, "README.md"}
    assert repository.large
    assert repository.large == {name: digests[name] for name in repository.large}
    assert sum(file.stat().st_size for file in (tmp_path / "xet").rglob("*") if file.is_file()) > 1000


def test_what_was_pushed_predicts(bundle, hub, tmp_path):
    distilbench("push", bundle, f"{OWNER}/mine")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, content in hub.repositories[f"{OWNER}/mine"].files.items():
        (copy / name).write_bytes(content)
    assert distilbench("predict", copy, "a good film").output == distilbench("predict", bundle, "a good film").output


def test_public_is_public(bundle, hub):
    assert "(public)" in distilbench("push", bundle, "mine", "--public").output
    assert not hub.repositories[f"{OWNER}/mine"].private


def test_taken_name_is_refused_and_updated_only_when_asked(bundle, hub):
    distilbench("push", bundle, "mine")
    with pytest.raises(RequestError, match=r"could not make .*'mine'.*: there is one of that name already; .*--update"):
        distilbench("push", bundle, "mine")
    (bundle / "README.md").write_text(CARD + "More.\n")
    distilbench("push", bundle, "mine", "--update")
    repository = hub.repositories[f"{OWNER}/mine"]
    assert repository.files["README.md"].endswith(b"More.\n")
    assert repository.private


def test_non_commercial_material_needs_a_yes(bundle, hub):
    change(bundle, licences={"stars": "CC BY-NC-SA 3.0", "more.csv": "MIT"})
    with pytest.raises(RequestError, match=r"non-commercial material \(stars: CC BY-NC-SA 3.0\); .* add --yes$"):
        distilbench("push", bundle, "mine")
    assert not hub.requests
    distilbench("push", bundle, "mine", "--yes")
    assert f"{OWNER}/mine" in hub.repositories


def test_code_needs_a_yes(tiny_bundle, hub):
    folder = tiny_bundle("student", "torchscript")  # made from non-commercial rows
    sentence = (
        r"runs code on the machine of whoever opens it \(model.ts is .*\), and is made from non-commercial .*--yes$"
    )
    with pytest.raises(RequestError, match=sentence):
        distilbench("push", folder, "mine")
    assert not hub.requests
    answer = distilbench("push", folder, "mine", "--yes")
    assert "has no card (README.md), so the Hub will show none" in answer.notices
    assert "model.ts" in hub.repositories[f"{OWNER}/mine"].files


def test_file_that_failed_its_gate_is_never_pushed(bundle, hub):
    parity = json.loads((bundle / RECORD).read_text())["parity"]
    change(bundle, parity={**parity, "status": "failed", "reason": "logits differ by 3"})
    with pytest.raises(RequestError, match="failed its gate, and is not uploaded: logits differ by 3"):
        distilbench("push", bundle, "mine", "--yes")
    assert not hub.requests


def test_without_a_token_nothing_is_sent(bundle, hub, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    with pytest.raises(RequestError, match=r"there is no token for http://127.*; log in with `hf auth login`, or set"):
        distilbench("push", bundle, "mine")
    assert not hub.requests


@pytest.mark.parametrize(
    ("token", "said"), [(READER, "rights to write under the namespace"), ("hf_old", "Invalid username")]
)
def test_token_that_may_not_write_is_named_as_the_reason(bundle, hub, monkeypatch, token, said):
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(RequestError, match=f"the token may not write there; .*{said}"):
        distilbench("push", bundle, "mine")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a/b/c",), "could not make the repository 'a/b/c'"),
        (("mine model",), "could not make the repository 'mine model'.*alphanumeric"),
        (("mine", "--public", "--update"), "leave one of them out"),
    ],
)
def test_odd_request_is_refused_before_anything_is_sent(bundle, hub, arguments, said):
    with pytest.raises(RequestError, match=said):
        distilbench("push", bundle, *arguments)
    assert not hub.requests


@pytest.mark.parametrize("card", ["# A model\n", "---\n: [\n---\n", "\udcff"])
def test_card_that_the_hub_could_not_read_is_not_sent(bundle, hub, card):
    (bundle / "README.md").write_text(card, errors="surrogateescape")
    with pytest.raises(RequestError, match=r"README.md.*(has no header|cannot be read)"):
        distilbench("push", bundle, "mine")
    assert not hub.requests


def test_what_the_hub_finds_wrong_with_a_card_is_passed_on(bundle, hub):
    (bundle / "README.md").write_text("---\nlicense: [1]\n---\n")
    with pytest.raises(RequestError, match=r'could not fill .*Invalid metadata.*"license" must be a string.*--update'):
        distilbench("push", bundle, "mine")


@pytest.mark.parametrize("broken", ["preupload", "batch", "commit"])
def test_upload_that_breaks_off_goes_on_with_update(bundle, hub, broken):
    hub.broken = broken
    with pytest.raises(RequestError, match=rf"could not fill .*{broken} is out of order.*--update goes on$"):
        distilbench("push", bundle, "mine")
    hub.broken = ""
    distilbench("push", bundle, "mine", "--update")
    assert set(hub.repositories[f"{OWNER}/mine"].files) >= {"model.onnx", "README.md"}


def test_hub_that_does_not_answer_costs_one_sentence(bundle, tmp_path):
    nobody = "http://127.0.0.1:9"
    answer = program("push", bundle, "mine", HF_ENDPOINT=nobody, HF_TOKEN=TOKEN, HF_HOME=str(tmp_path / "home"))
    assert answer.returncode == 2
    assert answer.stderr.splitlines() == [
        f"distilbench: could not make the repository 'mine' at {nobody}: [Errno 111] Connection refused"
    ]


def test_damaged_bundle_is_not_sent(bundle, hub):
    (bundle / "model.onnx").write_bytes(b"another")
    with pytest.raises(RequestError, match=r"model\.onnx"):
        distilbench("push", bundle, "mine", "--yes")
    assert not hub.requests
