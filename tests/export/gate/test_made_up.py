"""What the gate makes up looks like what a tokenizer makes of real texts and pairs."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from encoders.encoder import Shape
from encoders.graph_input import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS
from encoders.text_encoder import TextEncoder
from export.gate.made_up import made_up_texts

WORDS = ("<pad>", "<unk>", "<s>", "</s>", "eos", *"abcdefgh")
START, END, PAD = 2, 3, 0
PROCESSORS = {
    "none": None,
    "BERT": processors.BertProcessing(("</s>", END), ("<s>", START)),
    "RoBERTa": processors.RobertaProcessing(("</s>", END), ("<s>", START)),
    "T5": processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", END)]),
    "XLNet": processors.TemplateProcessing(
        single="$A </s> <s>:2", pair="$A </s> $B:1 </s>:1 <s>:2", special_tokens=[("</s>", END), ("<s>", START)]
    ),
}


@pytest.fixture(params=PROCESSORS)
def tokenizer(request):
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.add_special_tokens(["<pad>", "<s>", "</s>", "eos"])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if PROCESSORS[request.param]:
        tokenizer.post_processor = PROCESSORS[request.param]
    return tokenizer


@pytest.fixture(params=["text", "pair"])
def encoder(tokenizer, tmp_path, request):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    inputs = (INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS)
    file = tmp_path / "tokenizer.json"
    return TextEncoder.load(file, max_length_tokens=40, padding=PAD, inputs=inputs, modality=request.param)


def special_places(tokens):
    """Where which special tokens stand; the places of a text's own tokens are as one."""
    marks = [token if token in (START, END) else None for token in tokens]
    return [mark for number, mark in enumerate(marks) if mark is not None or not number or marks[number - 1]]


@pytest.mark.parametrize("given", [False, True])
def test_made_up_inputs_hold_the_special_tokens_of_a_real_text(encoder, given):
    real = ("a b c", "d e f") if encoder.modality == "pair" else "a b c d e f"
    rows = encoder.encode([real])
    arrays = encoder.example(Shape(batch=4, length=17), rows=rows if given else None)
    for number, mask in zip(arrays["input_ids"], arrays["attention_mask"].astype(bool), strict=True):
        assert special_places(number[mask].tolist()) == special_places(rows.tokens.tolist())
    if encoder.modality == "pair":
        types = arrays["token_type_ids"][0].tolist()
        assert list(dict.fromkeys(types)) == list(dict.fromkeys(rows.types.tolist()))
        assert types == sorted(types)
    assert arrays["attention_mask"].sum(axis=1).tolist() == [17, 8, 17, 8]


def test_shortest_shape_is_an_empty_text(encoder):
    empty = encoder.encode([("", "")] if encoder.modality == "pair" else [""])
    shortest = min(shape.length for shape in encoder.shapes())
    assert shortest == empty.lengths[0]
    if empty.tokens[0] != PAD:
        assert np.array_equal(encoder.example(Shape(batch=1, length=shortest))["input_ids"], [empty.tokens])


def test_special_token_is_no_word_of_a_made_up_text(tokenizer):
    assert {word for text in made_up_texts(tokenizer, 50) for word in text.split()} == set("abcdefgh")


def test_vocabulary_without_words_still_gives_texts():
    texts = made_up_texts(Tokenizer(models.WordLevel({"1": 0, "2": 1}, unk_token="1")), 3)
    assert all(texts)
