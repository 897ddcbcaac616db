"""Tiny real models, built from a configuration, and their bundles."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sample_images import labelled_images
from sample_texts import labelled, sentences

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from export.origin import Origin
    from materials.rows import Rows
    from students.checkpoint import StudentShape

TINY_SETTINGS = {
    "linear": {"buckets": 100},
    "cnn": {"filters": 8},
    "bilstm": {"hidden": 12, "layer": 24},
    "resnext1d": {"channels": [8, 16], "strides": [2], "cardinality": 4},
    "resnet": {"channels": [8, 16]},
    "mobilenet": {"channels": [32, 64], "blocks": 1},
}


def save_tiny_bert(folder: Path, *, label_names: tuple[str, ...] | None, width: int = 32) -> Path:
    """A transformer of 2 layers with a real WordPiece tokenizer; a classifier where labels are named."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    tokenizer = word_pieces()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    labels = {"id2label": dict(enumerate(label_names)), "num_labels": len(label_names)} if label_names else {}
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=160,
        **labels,
    )
    model = BertForSequenceClassification(config) if label_names else BertModel(config)
    model.save_pretrained(folder)
    return folder


def word_pieces(around: str = "[CLS] $A [SEP]") -> "Tokenizer":
    """A WordPiece tokenizer of the sample texts, whose special tokens [PAD] [UNK] [CLS] [SEP] [MASK] are the first.

    `around` is what it puts around a text.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    words = sorted({word for text in sentences(200)[0] for word in text.split() if word.isalpha()})
    letters = sorted({letter for text in sentences(200)[0] for letter in text if not letter.isspace()})
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = dict.fromkeys([*specials, *letters, *(f"##{letter}" for letter in letters), *words])
    vocabulary = {piece: number for number, piece in enumerate(pieces)}  # a trainer's differs from process to process
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(specials)
    if around == "[CLS] $A [SEP]":
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    else:
        named = [(name, vocabulary[name]) for name in around.split() if name in specials]
        tokenizer.post_processor = processors.TemplateProcessing(single=around, special_tokens=named)
    return tokenizer


def save_tiny_encoder_decoder(folder: Path, kind: str) -> Path:
    """A BART or T5 of one layer a side, random, for 'bad' and 'good'; it reads its answer where a text ends."""
    import torch
    import transformers
    from tokenizers import Tokenizer, processors

    save_tiny_bert(folder, label_names=None)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    start = "[CLS] " if kind == "Bart" else ""
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start}$A [SEP]", pair=f"{start}$A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    shape = {
        "Bart": {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
        | {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 160},
        "T5": {"num_layers": 1, "d_ff": 32, "d_kv": 16, "num_heads": 2},
    }[kind]
    config = getattr(transformers, f"{kind}Config")(
        **{"vocab_size": tokenizer.get_vocab_size(), "d_model": 32, "pad_token_id": 0, "eos_token_id": 3, **shape},
        decoder_start_token_id=3,
        id2label={0: "bad", 1: "good"},
    )
    torch.manual_seed(0)
    getattr(transformers, f"{kind}ForSequenceClassification")(config).save_pretrained(folder)
    return folder


def tiny_shape(
    architecture: str,
    *,
    words: int,
    dimensions: int = 8,
    label_names: tuple[str, ...] = ("bad", "good"),
    max_length_tokens: int = 24,
    settings: Mapping[str, Any] | None = None,
) -> "StudentShape":
    """A student; its settings are those of TINY_SETTINGS where none are given."""
    from students.checkpoint import StudentShape

    return StudentShape(
        architecture=architecture,
        words=words,
        dimensions=dimensions,
        label_names=label_names,
        max_length_tokens=max_length_tokens,
        settings=TINY_SETTINGS.get(architecture, {}) if settings is None else settings,
    )


def save_tiny_student(folder: Path, architecture: str = "cnn", **changes: Any) -> Path:
    """A student's checkpoint with random weights; `changes` are those of `tiny_shape`."""
    from students.checkpoint import build_student, save_student
    from students.vocabulary import build_tokenizer

    tokenizer = build_tokenizer(sentences(200)[0], words_with_vector=())
    shape = tiny_shape(architecture, **{"words": tokenizer.get_vocab_size(), **changes})
    folder.mkdir(parents=True, exist_ok=True)
    save_student(build_student(shape, vectors=None, seed=0), shape, tokenizer, folder)
    return folder


def split_weights(folder: Path) -> Path:
    """The weights of a fine-tuned model folder in several files, as transformers writes large ones."""
    import json

    import transformers

    named = json.loads((folder / "config.json").read_text(encoding="utf-8"))["architectures"][0]
    model = getattr(transformers, named).from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="50KB")
    return folder


def save_tiny_transformer(folder: Path, weights: Path) -> Path:
    """A checkpoint of a transformer with a head for 'bad' and 'good'."""
    from teachers.transformer import save_transformer, start_transformer

    folder.mkdir(parents=True, exist_ok=True)
    save_transformer(start_transformer(weights, ("bad", "good"), max_length_tokens=24, seed=0), folder)
    return folder


def widen(checkpoint: Path, part: str, factor: float) -> Path:
    """Multiply those weights of a checkpoint whose names hold the part."""
    from safetensors.torch import load_file, save_file

    file = checkpoint / "model.safetensors"
    weights = {name: weight * factor if part in name else weight for name, weight in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    return checkpoint


def save_tiny_image_student(folder: Path, architecture: str, items: Path) -> Path:
    """A student's checkpoint for images of 32 x 32, trained on images drawn into the folder `items`."""
    from students.checkpoint import StudentShape, build_student, save_student

    shape = StudentShape(
        architecture=architecture,
        label_names=("blue", "red"),
        settings=TINY_SETTINGS[architecture],
        modality="image",
        image_size=32,
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_student(build_student(shape, vectors=None, seed=0), shape, None, folder)
    return train_tiny(folder, learning_rate=0.01, parts=(labelled_images(items, 96), labelled_images(items, 32, 900)))


def save_tiny_image_body(folder: Path, items: Path) -> Path:
    """A teacher's checkpoint for images of 32 x 32, a new residual network under a head, trained as a student's is."""
    from teachers.image_body import save_image_body, start_image_body

    shape = {"body": {"channels": (8, 16), "blocks": 1}, "image_size": 32, "hidden": (16,), "dropout": 0.1}
    folder.mkdir(parents=True, exist_ok=True)
    save_image_body(start_image_body(folder, ("blue", "red"), seed=0, head=shape), folder)
    return train_tiny(folder, learning_rate=0.01, parts=(labelled_images(items, 96), labelled_images(items, 32, 900)))


def train_tiny(checkpoint: Path, *, learning_rate: float, parts: "Sequence[Rows] | None" = None) -> Path:
    """Train a checkpoint on train and validation rows, by default 200 texts, and write its weights again."""
    from safetensors.torch import save_file

    from export.checkpoint import load_checkpoint
    from materials.tasks.single_label import SingleLabel
    from teachers import TEACHERS
    from training.examples import Examples
    from training.loop import train
    from training.objectives import Term
    from training.settings import TrainingSettings

    classifier = load_checkpoint(checkpoint)
    parts = parts or (labelled(200), labelled(60, 900))
    train(
        classifier.module,
        *[Examples(encoded=classifier.encoder.encode(part.items), targets=part.targets) for part in parts],
        encoder=classifier.encoder,
        task=SingleLabel(),
        terms=[Term(kind="hard")],
        settings=TrainingSettings(epochs=12, batch_size=16, learning_rate=learning_rate, seed=0, bf16=False),
        report=lambda done, total: None,
    )
    if classifier.architecture in TEACHERS:
        TEACHERS[classifier.architecture].save(classifier, checkpoint)
    else:
        save_file(classifier.module.state_dict(), checkpoint / "model.safetensors")
    return checkpoint


@contextmanager
def opened_once(checkpoints: Mapping[str, Path], calibration: Sequence[str]) -> Iterator[Callable[[str], "Origin"]]:
    """A function from the name of a checkpoint to the model ready to be exported, opened at the first call.

    What several formats of a model start from, such as its ONNX graph, is so made once.
    """
    from export.exporting import open_origin

    with ExitStack() as stack:
        yield cache(lambda name: stack.enter_context(open_origin(checkpoints[name], calibration)))


def exported_once(
    origin_of: Callable[[str], "Origin"], root: Path, *, rows: "Rows", **about: Any
) -> Callable[[str, str], Path]:
    """A function from the name of a model and a format to the folder of the bundle, exported at the first call.

    `about` goes into the request.
    """
    from export.exporting import ExportRequest, export_bundle

    @cache
    def request(name: str) -> ExportRequest:
        return ExportRequest(origin=origin_of(name), rows=rows, **about)

    @cache
    def get(name: str, format: str) -> Path:
        folder = root / name / format
        folder.mkdir(parents=True, exist_ok=True)
        return export_bundle(request(name), format, folder).folder

    return get
