"""Made-up stages of a made-up run, each made from the one before it, in a process of its own: `WHAT HOST LOCKS`."""

import hashlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from materials.files import cache_folder, new_file, sha256_of
from materials.stages import Stage, StageStore

STAGES, PARTS = 6, 4
STAGE = Stage(name="square", version=1, inputs={"x": 3})


def make_square(folder):
    (folder / "result.txt").write_text("9", encoding="utf-8")


def started(what, cache, *, host="", locks="shared"):
    """A process that does `run`, `read` or `make` in a cache folder; its lines of output can be waited for."""
    environment = {**os.environ, "DISTILBENCH_CACHE": str(cache), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, __file__, what, host, locks]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def digests_in(cache):
    """The digest of each stored file but the records, which hold times."""
    files = [path for path in Path(cache).glob("stages/*/[!.]*/*") if path.name != "stage.json"]
    return {str(path.relative_to(cache)): sha256_of(path) for path in sorted(files)}


def run():
    """Make all stages, part by part, and go on from the parts that a stopped process has left."""
    store = StageStore(root=cache_folder())
    before = None
    for number in range(STAGES):
        stage = Stage(name="chain", version=1, inputs={"number": number})
        before = store.get(stage, lambda folder, stage=stage, before=before: _chain(store, stage, before, folder))
    print("ended", flush=True)


def _chain(store, stage, before, folder):
    read = b"".join(path.read_bytes() for path in sorted(before.iterdir()) if path.suffix == ".bin") if before else b""
    for part in range(PARTS):
        work = store.work_folder(stage) / f"{part}.bin"
        if not work.exists():
            with new_file(work) as temporary, temporary.open("wb") as file:
                for piece in range(4):
                    file.write(hashlib.sha256(read + bytes([stage.inputs["number"], part, piece])).digest() * 100)
                    file.flush()
                    time.sleep(0.004)
        (folder / work.name).write_bytes(work.read_bytes())


def read():
    """Hold one stage open until a line comes, and then read it."""
    folder = StageStore(root=cache_folder()).get(STAGE, make_square)
    print("reads", flush=True)
    sys.stdin.readline()
    print((folder / "result.txt").read_text(encoding="utf-8"), flush=True)


def make():
    """Make one stage, which takes until a line comes."""

    def slow(folder):
        print("makes", flush=True)
        sys.stdin.readline()
        make_square(folder)

    folder = StageStore(root=cache_folder(), notice=lambda sentence: print(sentence, flush=True)).get(STAGE, slow)
    print((folder / "result.txt").read_text(encoding="utf-8"), flush=True)


if __name__ == "__main__":
    what, host, locks = sys.argv[1:]
    if host:
        platform.node = lambda: host
    if locks == "own":  # a file system that does not share its locks between machines
        import fcntl

        fcntl.flock = lambda *arguments: None
    {"run": run, "read": read, "make": make, "nothing": lambda: None}[what]()
