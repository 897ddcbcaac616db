"""How long a text a model takes, by its configuration."""

from collections.abc import Mapping
from typing import Any

LONGEST = 512
COUNTED_FROM_PADDING = (
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "mpnet",
    "longformer",
    "ibert",
    "data2vec-text",
)
POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "context_length", "model_max_length")


def most_positions(config: Mapping[str, Any]) -> int:
    """The tokens that a model has positions for, at most what common sense allows.

    A configuration gives its positions one of the names in the attribute maps of transformers, which is not imported
    here, for it would count towards the memory of every model that is measured. A number below 1, such as XLNet's -1,
    is no limit.
    """
    positions = [length for length in map(config.get, POSITIONS) if length and length > 0]
    if config.get("model_type") in COUNTED_FROM_PADDING:
        padding = config.get("pad_token_id")
        positions = [length - 1 - (1 if padding is None else padding) for length in positions]
    return int(min(*positions, LONGEST)) if positions else LONGEST
