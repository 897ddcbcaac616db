"""A stand-in for the Hugging Face Hub on this machine: what its client asks for to make and fill a repository."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

TOKEN, READER = "hf_writer", "hf_reader"
OWNER = "me"
REPOSITORY = r"(?P<name>[\w.-]+/[\w.-]+)"


@dataclass
class Repository:
    """Its files by path; of large ones the digest, and the content where it came to the Hub itself."""

    private: bool
    files: dict[str, bytes | None] = field(default_factory=dict)
    large: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


@dataclass
class Hub:
    """What was made and asked.

    `broken` names the part of the Hub that answers with an error of its own, `xet_store` the folder that the client's
    other way of uploading fills.
    """

    address: str = ""
    broken: str = ""
    xet_store: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, token: str | None, body: bytes) -> tuple[int, dict[str, object]]:
        """The status and the content of an answer."""
        self.requests.append(f"{method} {path}")
        for pattern, part in PARTS:
            matched = re.fullmatch(pattern, f"{method} {path}")
            if matched and part is _put:
                return _put(self, body, **matched.groupdict())
            if matched and token != TOKEN:
                return (
                    (401, {"error": "Invalid username or password."})
                    if token != READER
                    else (
                        403,
                        {"error": f"You don't have the rights to write under the namespace {OWNER}"},
                    )
                )
            if matched and self.broken and self.broken in path:
                return 400, {"error": f"{self.broken} is out of order"}
            if matched:
                return part(self, body, **matched.groupdict())
        return 404, {"error": f"no such thing: {path}"}


def _create(hub, body):
    wanted = json.loads(body)
    name = f"{wanted['organization'] or OWNER}/{wanted['name']}"
    content = {"url": f"{hub.address}/{name}"}
    if name in hub.repositories:
        return 409, {**content, "error": "You already created this model repo"}
    hub.repositories[name] = Repository(private=wanted.get("visibility") == "private")
    return 200, content


def _validate(hub, body):
    header = yaml.safe_load(json.loads(body)["content"].split("---\n")[1])
    if not isinstance(header.get("license"), str):
        return 400, {"errors": [{"message": '"license" must be a string'}], "warnings": []}
    return 200, {"errors": [], "warnings": []}


def _preupload(hub, body, name):
    files = json.loads(body)["files"]
    modes = {file["path"]: "lfs" if b"\0" in base64.b64decode(file["sample"]) else "regular" for file in files}
    return 200, {"files": [{"path": path, "uploadMode": modes[path], "shouldIgnore": False} for path in modes]}


def _batch(hub, body, name):
    objects = json.loads(body)["objects"]
    actions = [{"upload": {"href": f"{hub.address}/objects/{item['oid']}"}} for item in objects]
    return 200, {
        "transfer": "basic",
        "objects": [{**item, "actions": action} for item, action in zip(objects, actions, strict=True)],
    }


def _xet_token(hub, body, name):
    return 200, {"casUrl": f"local://{hub.xet_store}", "exp": 2**31, "accessToken": "xet"}


def _put(hub, body, oid):
    if hashlib.sha256(body).hexdigest() != oid:
        return 400, {"error": "another digest"}
    hub.objects[oid] = body
    return 200, {}


def _commit(hub, body, name):
    repository = hub.repositories[name]
    for line in map(json.loads, body.splitlines()):
        value = line["value"]
        if line["key"] == "header":
            repository.messages.append(value["summary"])
        elif line["key"] == "file":
            repository.files[value["path"]] = base64.b64decode(value["content"])
        else:
            repository.files[value["path"]] = hub.objects.get(value["oid"])
            repository.large[value["path"]] = value["oid"]
    number = len(repository.messages)
    return 200, {"commitUrl": f"{hub.address}/{name}/commit/{number:040}", "commitOid": f"{number:040}"}


PARTS = (
    ("POST /api/repos/create", _create),
    ("POST /api/validate-yaml", _validate),
    (f"POST /api/models/{REPOSITORY}/preupload/main", _preupload),
    (rf"POST /{REPOSITORY}\.git/info/lfs/objects/batch", _batch),
    (f"GET /api/models/{REPOSITORY}/xet-write-token/main", _xet_token),
    (r"PUT /objects/(?P<oid>\w+)", _put),
    (f"POST /api/models/{REPOSITORY}/commit/main", _commit),
)


@contextmanager
def stand_in_hub() -> Iterator[Hub]:
    """The Hub, on a port of this machine that is free."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            status, content = hub.answer(self.command, self.path.partition("?")[0], token, body)
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
