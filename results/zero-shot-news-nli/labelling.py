"""How labelling.md was made: the pipeline of transformers and the exported files of the plain teacher, in turns.

python labelling.py MODEL BUNDLES TEXTS.csv, where BUNDLES is the folder of the teacher's files, one for each format.
"""

import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast, pipeline

from export.bundle import read_bundle
from export.runtimes import RUNTIMES
from export.runtimes.runtime import logits_of

NAMES = ["the world", "sports", "business", "science/tech"]
TEXTS, TURNS = 96, 3


def main(model: str, bundles: Path, file: Path) -> None:
    """Print the texts a second of each way in each turn."""
    texts, threads = pd.read_csv(file)["text"].tolist()[:TEXTS], torch.get_num_threads()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=f"{model}/tokenizer.json", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    tokenizer.model_max_length = 512
    body = AutoModelForSequenceClassification.from_pretrained(model)
    body.config.label2id = {name: number for number, name in body.config.id2label.items()}
    theirs = pipeline("zero-shot-classification", model=body, tokenizer=tokenizer)
    ways = {"pipeline": partial(theirs, texts, NAMES, hypothesis_template="This text is about {}.")}
    for format in ("eager", "onnx", "onnx-int8"):
        bundle = read_bundle(bundles / format)
        runtime, encoder = RUNTIMES[bundle.runtime](bundle, threads, "cpu"), bundle.encoder()
        ways[format] = lambda runtime=runtime, encoder=encoder: logits_of(runtime, encoder, encoder.encode(texts))
    for turn in range(TURNS + 1):  # the first is for warming up
        for name, label in ways.items():
            began = time.perf_counter()
            label()
            if turn:
                print(f"turn {turn}: {name} {TEXTS / (time.perf_counter() - began):.1f} texts/s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
