"""A run again and again, each time with a fault at a stage that had none yet: `full|deleted CACHE COMMAND...`.

`full` needs a file system of its own below CACHE, which it fills. Prints a line of JSON for each run.
"""

import io
import json
import os
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

SEVERAL = ("bundle", "measurement")  # kinds of stages that differ from file to file
SAVING = "saving"
seen, now = set(), []


def fill(cache):
    """Leave no byte free."""
    for size in (65_536, 4096):
        with suppress(OSError), (cache / "filler").open("ab", buffering=0) as file:
            while True:
                file.write(b"0" * size)


def delete(cache):
    shutil.rmtree(cache)


def fault_at(stage, do):
    """Do it once for each kind of stage."""
    if stage not in seen:
        seen.add(stage)
        now.append(stage)
        do()


def main(kind, cache, command):
    from bench.commands import command_line, run
    from materials.stages import StageStore

    do = {"full": lambda: fill(cache), "deleted": lambda: delete(cache)}[kind]
    make_undisturbed, save_undisturbed = StageStore._make, run.save_run

    def make_disturbed(store, stage, make):
        def disturbed(folder):
            fault_at(f"{stage.name} {stage.inputs.get('format', '')}" if stage.name in SEVERAL else stage.name, do)
            make(folder)

        make_undisturbed(store, stage, disturbed)

    def save_disturbed(*arguments):
        fault_at(SAVING, do)
        save_undisturbed(*arguments)

    StageStore._make, run.save_run = make_disturbed, save_disturbed
    os.environ["DISTILBENCH_CACHE"] = str(cache)
    sys.argv = ["distilbench", *command]
    while True:
        now.clear()
        notices = io.StringIO()
        with redirect_stderr(notices), redirect_stdout(io.StringIO()):
            try:
                command_line.main()
                code = 0
            except SystemExit as left:
                code = left.code or 0
        unfinished = [str(path) for path in cache.glob("stages/*/.*.tmp")]
        told = notices.getvalue().splitlines()[-1]
        print(json.dumps({"stages": list(now), "code": code, "told": told, "unfinished": unfinished}), flush=True)
        (cache / "filler").unlink(missing_ok=True)
        if not now:
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
