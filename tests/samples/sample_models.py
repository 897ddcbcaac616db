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
