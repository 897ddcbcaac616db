"""The header of a card: what the Hub reads of a model, as its own classes write it."""

import re
from typing import TYPE_CHECKING

from bench.record.row import Row
from export.bundle import Bundle
from materials.catalogue import DATASETS, WEIGHTS
from materials.hub_files import is_on_hub
from materials.weights import UNTRAINED

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

LIBRARIES = {  # the Hub's names; all else runs in PyTorch
    **{"onnxruntime": "onnx", "openvino": "openvino"},
    **{"fasttext": "fasttext", "tfidf-logistic": "sklearn", "model2vec": "model2vec"},
}
PIPELINES = {"text": "text-classification", "pair": "text-classification", "image": "image-classification"}
METRIC_TYPES = {"macro_f1": "f1", "micro_f1": "f1", "weighted_f1": "f1", "spearman": "spearmanr", "pearson": "pearsonr"}
HUB_LICENCES = {  # the identifiers that the Hub knows, of licences as sources state them
    **{"apache-2.0": "apache-2.0", "mit": "mit", "bsd-3-clause": "bsd-3-clause", "pddl-1.0": "pddl"},
    **{"cc0-1.0": "cc0-1.0", "cc by 4.0": "cc-by-4.0", "cc by-sa 4.0": "cc-by-sa-4.0", "cc by-sa 3.0": "cc-by-sa-3.0"},
    **{"cc by-nc-sa 3.0": "cc-by-nc-sa-3.0", "cc by-nc-sa 4.0": "cc-by-nc-sa-4.0", "cc by-nc 4.0": "cc-by-nc-4.0"},
}


def header(row: Row, bundle: Bundle, recipe: str) -> "ModelCardData":
    """The metadata of a bundle's card. Where its sources have several licences, the Hub is told "other"."""
    from huggingface_hub import ModelCardData

    licence = hub_licence(bundle)
    return ModelCardData(
        license=licence or "other",
        license_name=None if licence else "see-the-licences-of-its-sources",
        license_link=None if licence else "README.md",
        datasets=list(filter(None, map(_dataset, bundle.licences))) or None,
        base_model=list(filter(None, map(_weights, bundle.licences))) or None,
        pipeline_tag=PIPELINES[bundle.modality],
        library_name=LIBRARIES.get(bundle.runtime, "pytorch"),
        tags=["distilbench", "knowledge-distillation", bundle.format],
        model_name=f"{row.model} as {row.format}",
        eval_results=results_of(row, bundle, recipe),
    )


def results_of(row: Row, bundle: Bundle, recipe: str) -> "list[EvalResult]":
    """What was measured on the test rows, each metric of the task that the row has."""
    from huggingface_hub import EvalResult

    scores = [(metric, score) for metric in bundle.task.metrics if (score := row.score(metric.name)) is not None]
    return [
        EvalResult(
            task_type=PIPELINES[bundle.modality],
            dataset_type=_identifier(recipe),
            dataset_name=recipe,
            dataset_split="test",
            metric_type=METRIC_TYPES.get(metric.name, metric.name),
            metric_name=metric.title,
            metric_value=round(score.value, 6),
        )
        for metric, score in scores
    ]


def hub_licence(bundle: Bundle) -> str | None:
    """The one licence of all sources by the Hub's identifier; none where there are several, or one it does not know."""
    texts = [text for name, text in bundle.licences.items() if name != UNTRAINED]
    licences = {HUB_LICENCES.get(re.sub(r" \(.*", "", text).lower()) for text in texts}
    return licences.pop() if len(licences) == 1 else None


def _dataset(source: str) -> str | None:
    """The Hub's name of a data set, or the catalogue's; none for what is no data set of theirs."""
    if is_on_hub(source):  # hf://datasets/owner/name/file
        return "/".join(source.removeprefix("hf://datasets/").split("/")[:2])
    return source if source in DATASETS else None


def _weights(source: str) -> str | None:
    """The Hub's name of pretrained weights; none for what is no weights, or has no name there."""
    return WEIGHTS[source].hub_name if source in WEIGHTS else None


def _identifier(name: str) -> str:
    """A name as the Hub's header takes it: letters, digits, and `-._/` between them."""
    return re.sub(r"[^\w./-]+", "-", name).strip("-./") or "unnamed"
