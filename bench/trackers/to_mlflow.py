"""A finished run in MLflow: one run for the whole, and below it one for each model."""

import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bench.trackers.tracked import Tracked, TrackedRun
from materials.report import Report

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECORD, PARENT, NOTE, COMMIT = "distilbench.record", "mlflow.parentRunId", "mlflow.note.content", "mlflow.source.git.commit"
UNFIT = re.compile(r"[^\w./: -]")  # what MLflow takes in no name
LONGEST_NAME, LONGEST_VALUE = 250, 5000
MOST_METRICS, MOST_PARAMETERS = 1000, 100  # in one request
USUAL = {  # of settings of MLflow that the user has not made
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


def write_to_mlflow(run: TrackedRun, uri: str | None, report: Report) -> str:
    """Write a run to the store or server of a URI, MLflow's own by default; where it is now.

    One that is there whole is left as it is, and what an earlier call left unfinished is replaced. Raises what MLflow
    raises.
    """
    for name, value in USUAL.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(run.experiment)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(run.experiment)
