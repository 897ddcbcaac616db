"""Logistic regression on TF-IDF weights of words and word pairs, by scikit-learn, stored without pickle."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from materials.errors import RequestError
from materials.files import write_json
from peers.peer import LoadedPeer, PeerData, best_on_validation, encodable, in_label_order

SETTINGS = {"ngram_range": (1, 2), "sublinear_tf": True}
INVERSE_PENALTIES = (1.0, 10.0)  # the library's default, and a weaker penalty


def train(data: PeerData, folder: Path) -> None:
    """Fit with each penalty and store the model that is best on validation rows. Nothing in it depends on the seed.

    Raises RequestError when no train text holds a word of two letters.
    """
    from safetensors.numpy import save_file
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(**SETTINGS)
    try:
        features = vectorizer.fit_transform(encodable(data.train.items))
    except ValueError:
        raise RequestError("peer 'tfidf-logistic' found no word of two letters in the train texts") from None
    best_model = best_on_validation(
        (_fit(features, data.train.targets, inverse_penalty) for inverse_penalty in INVERSE_PENALTIES),
        lambda model, texts: _classify(vectorizer, model, texts, len(data.label_names)),
        data.validation,
    )
    arrays = {
        "idf": vectorizer.idf_,
        "weight": best_model.coef_,
        "bias": best_model.intercept_,
        "classes": best_model.classes_,
    }
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "model.safetensors")
    vocabulary = vectorizer.get_feature_names_out().tolist()
    write_json(folder / "settings.json", {"labels": data.label_names, **SETTINGS, "vocabulary": vocabulary})


def load(folder: Path, threads: int) -> LoadedPeer:
    """Read a stored model. It classifies on one thread: neither step has more."""
    from safetensors.numpy import load_file
    from sklearn.feature_extraction.text import TfidfVectorizer

    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    arrays = load_file(folder / "model.safetensors")
    vectorizer = TfidfVectorizer(
        ngram_range=tuple(settings["ngram_range"]),
        sublinear_tf=settings["sublinear_tf"],
        vocabulary=settings["vocabulary"],
    )
    vectorizer.idf_ = arrays["idf"]
    model = _fitted(arrays["weight"], arrays["bias"], arrays["classes"])
    return LoadedPeer(classify=lambda texts: _classify(vectorizer, model, texts, len(settings["labels"])), threads=1)


def _fit(features: Any, labels: np.ndarray, inverse_penalty: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    classes = np.unique(labels)
    if len(classes) == 1:  # which scikit-learn refuses
        return _fitted(np.zeros((1, features.shape[1])), np.zeros(1), classes)
    return LogisticRegression(C=inverse_penalty, max_iter=1000).fit(features, labels)


def _fitted(weight: np.ndarray, bias: np.ndarray, classes: np.ndarray) -> Any:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression()
    model.coef_, model.intercept_, model.classes_, model.n_features_in_ = weight, bias, classes, weight.shape[1]
    return model


def _classify(vectorizer: Any, model: Any, texts: Sequence[str], label_count: int) -> np.ndarray:
    probabilities = model.predict_proba(vectorizer.transform(encodable(texts)))
    return in_label_order(probabilities, model.classes_.tolist(), label_count)
