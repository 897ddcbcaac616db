"""Tiny real models, built from a configuration."""

from pathlib import Path

from sample_texts import sentences


def save_tiny_bert(folder: Path, *, label_names: tuple[str, ...] | None) -> Path:
    """A transformer of 2 layers and width 32 with a real WordPiece tokenizer; a classifier where labels are named."""
    import torch
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(sentences(200)[0], trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    labels = {"id2label": dict(enumerate(label_names)), "num_labels": len(label_names)} if label_names else {}
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=160,
        **labels,
    )
    model = BertForSequenceClassification(config) if label_names else BertModel(config)
    model.save_pretrained(folder)
    return folder


def save_tiny_bundle(folder: Path, *, format: str) -> Path:
    """A student of the architecture cnn with random weights, exported as a bundle of the format."""
    from students.checkpoint import StudentShape, build_student, save_student
    from students.vocabulary import build_tokenizer

    tokenizer = build_tokenizer(sentences(60)[0], known=())
    shape = StudentShape(
        architecture="cnn",
        words=tokenizer.get_vocab_size(),
        dimensions=8,
        label_names=("bad", "good"),
        max_length_tokens=24,
        settings={"filters": 8},
    )
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir(parents=True)
    save_student(build_student(shape, vectors=None, seed=0), shape, tokenizer, checkpoint)
    return export_tiny(checkpoint, folder / format, format=format)


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

    folder.mkdir(parents=True)
    save_transformer(start_transformer(weights, ("bad", "good"), max_length_tokens=24, seed=0), folder)
    return folder


def export_tiny(checkpoint: Path, folder: Path, *, format: str, licences: dict[str, str] | None = None) -> Path:
    """A bundle of a checkpoint."""
    import numpy as np

    from export.exporting import ExportRequest, export_bundle, open_origin
    from materials.rows import Rows

    texts, labels = sentences(60)
    rows = Rows(texts=texts, labels=np.array([int(label == "good") for label in labels]))
    folder.mkdir(parents=True)
    with open_origin(checkpoint, texts) as origin:
        export_bundle(ExportRequest(origin=origin, rows=rows, licences=licences or {}), format, folder)
    return folder
