"""Static vectors of tokens out of a pretrained body, from which small models may start."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from materials.errors import RequestError
from materials.report import Report
from materials.weights import check_config_in
from teachers.pretrained import SAFELY, quiet_transformers

ROWS_AT_A_TIME = 512
LONGEST_TOKEN = 12
RARE = 1e-4  # as Arora et al. (2017) have it


def token_vectors(weights: Path, words: Sequence[str] | None, *, dimensions: int, report: Report) -> np.ndarray:
    """A vector for each word, or without words each token of the body, float32 (tokens, dimensions).

    Their standard deviation is 1.

    Each token goes through the body alone, and its vector is the mean of the last layer. Of these, the principal
    components are kept, and frequent tokens weigh less: a / (a + p), where p is Zipf's for the token's number, as
    vocabularies begin with what is frequent. That is the way of Model2Vec (Tulkens and van Dongen 2024), with the
    weights of Arora et al. (2017).

    Raises RequestError for a body of no texts, and for one that is narrower than `dimensions`.
    """
    rows = _token_rows(weights, words)
    states = _mean_states(weights, rows, report)
    if states.shape[1] < dimensions:
        raise RequestError(
            f"dimensions is {dimensions}, but the teacher's vectors have {states.shape[1]}; lower it to at most that"
        )
    vectors = principal_components(states, dimensions) * weights_by_frequency(len(rows))[:, None]
    return (vectors / vectors.std()).astype(np.float32)


def _token_rows(weights: Path, words: Sequence[str] | None) -> list[list[int]]:
    """The body's token numbers of what goes through it: the pieces of a word, or the token itself."""
    body = Tokenizer.from_file(str(weights / "tokenizer.json"))
    body.no_padding()
    body.enable_truncation(LONGEST_TOKEN)
    if words is not None:
        return [encoding.ids or [0] for encoding in body.encode_batch(list(words))]
    around = body.encode("a")
    is_special = np.array(around.special_tokens_mask, dtype=bool)
    first, last = (int(place) for place in np.flatnonzero(~is_special)[[0, -1]])
    before, after = around.ids[:first], around.ids[last + 1 :]
    return [[*before, number, *after] for number in range(max(body.get_vocab().values()) + 1)]


def _mean_states(weights: Path, rows: Sequence[Sequence[int]], report: Report) -> np.ndarray:
    """The mean of the last layer over the tokens of each row, float32 (rows, width)."""
    import torch
    from transformers import AutoModel

    check_config_in(weights)
    with quiet_transformers():
        body: Any = AutoModel.from_pretrained(weights, dtype=torch.float32, **SAFELY).eval()
    if not hasattr(body, "get_input_embeddings") or body.get_input_embeddings() is None:
        raise RequestError(f"the model in {weights} reads no tokens, so that it has no vectors of them")
    order = np.argsort([len(row) for row in rows], kind="stable")
    states = np.zeros((len(rows), body.config.hidden_size), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), ROWS_AT_A_TIME):
            numbers = order[start : start + ROWS_AT_A_TIME]
            chosen = [torch.tensor(rows[number]) for number in numbers]
            tokens = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True)
            lengths = torch.tensor([len(row) for row in chosen])
            is_token = torch.arange(tokens.shape[1]) < lengths[:, None]
            last = body(input_ids=tokens, attention_mask=is_token.to(torch.int64)).last_hidden_state
            states[numbers] = ((last * is_token[..., None]).sum(dim=1) / lengths[:, None]).numpy()
            report(start + len(numbers), len(order))
    return states


def principal_components(states: np.ndarray, dimensions: int) -> np.ndarray:
    """The states along their widest directions, float64 (rows, dimensions); signs are fixed by each largest part."""
    centred = states.astype(np.float64) - states.mean(axis=0, dtype=np.float64)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :dimensions]  # by falling width
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(dimensions)])
    return centred @ (directions * signs)


def weights_by_frequency(tokens: int) -> np.ndarray:
    """The weight a / (a + p) of each of so many tokens, float64 (tokens,); Zipf's p of token n goes as 1 / (n + 2)."""
    shares = 1 / np.arange(2, tokens + 2)
    shares /= shares.sum()
    return RARE / (RARE + shares)
