"""Ready-made libraries that one could use instead of a distilled student. To add one is one file and one line here."""

from materials.errors import RequestError, unknown
from peers import fast_text, static_model, tfidf_logistic
from peers.peer import Peer

PEERS: dict[str, Peer] = {
    "fasttext": Peer(
        description="fastText, words and word pairs, its own training and prediction",
        licence="MIT",
        packages=("fasttext-numpy2-wheel",),
        train=fast_text.train,
        load=fast_text.load,
    ),
    "tfidf-logistic": Peer(
        description="logistic regression on TF-IDF of words and word pairs, by scikit-learn",
        licence="BSD-3-Clause",
        packages=("scikit-learn",),
        train=tfidf_logistic.train,
        load=tfidf_logistic.load,
    ),
    "model2vec": Peer(
        description="Model2Vec, static word vectors taken from the pretrained body and fine-tuned with a small head",
        licence="MIT",
        packages=("model2vec", "lightning", "skeletoken"),
        train=static_model.train,
        load=static_model.load,
        needs_body=True,
    ),
}


def require(name: str) -> Peer:
    """The peer of this name. Raises RequestError when there is none, or when a package that it needs is missing."""
    if name not in PEERS:
        raise RequestError(unknown("peer", name, PEERS))
    packages = PEERS[name].missing_packages
    if packages:
        noun = "package" if len(packages) == 1 else "packages"
        raise RequestError(
            f"peer '{name}' needs the {noun} {' and '.join(packages)}; install distilbench with the extra 'peers'"
        )
    return PEERS[name]
