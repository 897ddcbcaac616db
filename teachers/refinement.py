"""A zero-shot teacher moved to where unlabelled texts lie."""

from collections.abc import Callable

import numpy as np

from materials.errors import RequestError, unknown
from materials.tasks.single_label import softmax

COMPONENTS = 128
CONFIDENT_SHARE, FEWEST_CONFIDENT = 0.5, 10
SMALLEST_VARIANCE = 1e-4
MOST_STEPS = 100
SCALE = 20.0  # of cosines as logits: what sentence encoders are trained with (Reimers and Gurevych 2019, their library)

Layer = tuple[np.ndarray, np.ndarray]
"""The weight (classes, width) and bias (classes,) of a linear layer on embeddings, float32."""


def refined(embeddings: np.ndarray, answers: np.ndarray, name: str) -> Layer:
    """The layer that one of REFINEMENTS makes of unlabelled embeddings (rows, width).

    `answers` (first rows, classes) are the probabilities that the plain teacher gives to the first rows, or to all: the
    layer made of these starts that of all. Raises RequestError for too few texts, and where the plain teacher gives
    some class to none of them.
    """
    if name not in REFINEMENTS:
        raise ValueError(unknown("refinement", name, REFINEMENTS))
    counts = np.bincount(answers.argmax(axis=1), minlength=answers.shape[1])
    if counts.min() < 2:
        raise RequestError(
            f"the plain teacher gives class number {counts.argmin() + 1} to {counts.min()} of {len(answers):,} "
            "texts, too few to be refined by; give more texts, other descriptions, or leave teacher.refine out"
        )
    embeddings = embeddings.astype(np.float64)
    weight, bias = REFINEMENTS[name](embeddings[: len(answers)], answers)
    if len(answers) < len(embeddings):
        weight, bias = REFINEMENTS[name](embeddings, softmax(embeddings @ weight.T + bias))
    return weight.astype(np.float32), bias.astype(np.float32)


def gaussian_mixture(embeddings: np.ndarray, probabilities: np.ndarray) -> Layer:
    """A mixture of Gaussians with one covariance, on principal components, started from confident rows.

    That is the way of X-Class (Wang et al. 2021). With one covariance the logarithms of the classes' shares of a row
    are linear in it but for what all classes have in common.
    """
    from sklearn.mixture import GaussianMixture

    mean, components = _components(embeddings)
    reduced, classes = (embeddings - mean) @ components.T, probabilities.argmax(axis=1)
    confident = _confident(probabilities)
    means = np.stack(
        [reduced[confident & (classes == number)].mean(axis=0) for number in range(probabilities.shape[1])]
    )
    rest = reduced[confident] - means[classes[confident]]
    covariance = rest.T @ rest / len(rest) + SMALLEST_VARIANCE * np.eye(rest.shape[1])
    mixture = GaussianMixture(
        len(means),
        covariance_type="tied",
        weights_init=np.bincount(classes, minlength=len(means)) / len(classes),
        means_init=means,
        precisions_init=np.linalg.inv(covariance),
        reg_covar=SMALLEST_VARIANCE,
        max_iter=MOST_STEPS,
    )
    mixture.fit(reduced)
    weight = mixture.means_ @ np.linalg.inv(mixture.covariances_)
    bias = np.log(mixture.weights_) - 0.5 * (weight * mixture.means_).sum(axis=1)
    return weight @ components, bias - weight @ components @ mean


def k_means(embeddings: np.ndarray, probabilities: np.ndarray) -> Layer:
    """Spherical k-means (Dhillon and Modha 2001) from the plain answers, whose centres are those of confident rows."""
    classes = probabilities.shape[1]
    chosen, answers = _confident(probabilities), probabilities.argmax(axis=1)
    for _ in range(MOST_STEPS):
        means = np.stack([embeddings[chosen & (answers == number)].mean(axis=0) for number in range(classes)])
        directions = means / np.linalg.norm(means, axis=1, keepdims=True)
        cosines, before = embeddings @ directions.T, answers
        answers = cosines.argmax(axis=1)
        if (answers == before).all() or np.bincount(answers, minlength=classes).min() < 1:
            break
        chosen = np.ones(len(answers), dtype=bool)
    return SCALE * directions, np.zeros(classes)


REFINEMENTS: dict[str, Callable[[np.ndarray, np.ndarray], Layer]] = {
    "gaussian-mixture": gaussian_mixture,
    "k-means": k_means,
}


def _components(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean, and the directions (components, width) of the widest spread."""
    mean = embeddings.mean(axis=0)
    centred = embeddings - mean
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    return mean, directions[:, : min(COMPONENTS, len(embeddings) - 1)].T


def _confident(probabilities: np.ndarray) -> np.ndarray:
    """The surer half of each class's rows, bool (rows,): those that the classes start from."""
    answers, sureness = probabilities.argmax(axis=1), probabilities.max(axis=1)
    chosen = np.zeros(len(answers), dtype=bool)
    for number in range(probabilities.shape[1]):
        rows = np.flatnonzero(answers == number)
        count = max(FEWEST_CONFIDENT, round(CONFIDENT_SHARE * len(rows)))
        chosen[rows[np.argsort(-sureness[rows], kind="stable")[:count]]] = True
    return chosen
