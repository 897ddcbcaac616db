"""A finished run in MLflow: one run for the whole, and below it one for each model."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from bench.trackers.tracked import Tracked, TrackedRun
from materials.report import Report

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECORD, PARENT = "distilbench.record", "mlflow.parentRunId"
OWN_NAMES = {"verdict": "mlflow.note.content", "git_commit": "mlflow.source.git.commit"}  # words that MLflow shows
UNFIT = re.compile(r"[^\w./: -]")  # what its names may not hold
LONGEST_NAME, LONGEST_VALUE = 250, 5000
MOST_FIGURES, MOST_WORDS, MOST_RUNS = 1000, 100, 50_000  # in one request
USUAL = {  # unless the user has set them
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # else two lines for each model
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


def write_to_mlflow(run: TrackedRun, uri: str | None, report: Report) -> str:
    """Write a run to the store or server of a URI, by default MLflow's own; the URI that was written to.

    One that is there whole is left as it is, and what an earlier call left unfinished is replaced. Raises what MLflow
    raises.
    """
    for name, value in USUAL.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(run.experiment)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(run.experiment)
    if not _is_there(client, experiment_id, run.key):
        milliseconds = int(datetime.fromisoformat(run.created).timestamp() * 1000)
        writer = _Writer(client=client, experiment_id=experiment_id, milliseconds=milliseconds)
        parent = writer.write(run.whole, {RECORD: run.key})
        for number, model in enumerate(run.models, start=1):
            writer.end(writer.write(model, {PARENT: parent}), model)
            report(number, len(run.models))
        writer.end(parent, run.whole)  # last: until then it is unfinished
    return str(client.tracking_uri)


def _is_there(client: "MlflowClient", experiment_id: str, key: str) -> bool:
    """Whether the run was written before; what was written of it in part is deleted."""
    for run in client.search_runs([experiment_id], f"tags.`{RECORD}` = '{key}'"):
        if run.info.status != "RUNNING":
            return True
        models = client.search_runs([experiment_id], f"tags.`{PARENT}` = '{run.info.run_id}'", max_results=MOST_RUNS)
        for part in (*models, run):
            client.delete_run(part.info.run_id)
    return False


@dataclass(frozen=True, kw_only=True)
class _Writer:
    client: "MlflowClient"
    experiment_id: str
    milliseconds: int

    def write(self, tracked: Tracked, tags: Mapping[str, str]) -> str:
        """Write a run of MLflow without ending it; its identifier."""
        from mlflow.entities import Metric, Param, RunTag

        created = self.client.create_run(
            self.experiment_id, start_time=self.milliseconds, tags=dict(tags), run_name=tracked.name[:LONGEST_NAME]
        )
        run_id = str(created.info.run_id)
        points = [(name, value, 0) for name, value in tracked.figures.items()]
        points += [(f"epoch/{name}", value, epoch) for name, curve in tracked.curves.items() for epoch, value in curve]
        metrics = [Metric(_fit(name), value, self.milliseconds, step) for name, value, step in points]
        parameters = [Param(_fit(name), _cut(value)) for name, value in tracked.parameters.items()]
        words = [RunTag(OWN_NAMES.get(name, _fit(name)), _cut(value)) for name, value in tracked.words.items()]
        for part in _chunks(metrics, MOST_FIGURES):
            self.client.log_batch(run_id, metrics=part)
        for part in _chunks(parameters, MOST_WORDS):
            self.client.log_batch(run_id, params=part)
        for part in _chunks(words, MOST_WORDS):
            self.client.log_batch(run_id, tags=part)
        for folder, files in tracked.files.items():
            for file in files:
                self.client.log_artifact(run_id, str(file), folder)
        return run_id

    def end(self, run_id: str, tracked: Tracked) -> None:
        """Say that all of a run is written, and whether a file of it failed."""
        self.client.set_terminated(run_id, "FINISHED" if tracked.is_sound else "FAILED", self.milliseconds)


def _fit(name: str) -> str:
    return UNFIT.sub("_", name)[:LONGEST_NAME]


def _cut(text: str) -> str:
    return shorten(text, LONGEST_VALUE, placeholder=" ...") if len(text) > LONGEST_VALUE else text


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
