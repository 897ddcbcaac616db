"""The slow, good classifiers, and the store of their logits. To add a kind is one file and one line here."""

from teachers.transformer import Transformer

TEACHERS = {"transformer": Transformer}
