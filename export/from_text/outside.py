"""Finds the texts that a graph of operators is known not to read as its tokenizer does."""

import json
from collections.abc import Callable

from tokenizers import Tokenizer

from export.bundle import Bundle
from export.from_text.characters import read_character_rules

NEXT_LINE = "\x85"


def outside_of(bundle: Bundle) -> Callable[[str], bool]:
    """Return a test of whether a text is outside of what the bundle's graph reads exactly.

    Outside are texts with a zero character or, letter for letter, one of the tokenizer's own tokens, such as [SEP];
    texts whose characters the normalizer joins in a way that no table has; and for BPE, texts with the control
    character NEXT LINE.
    """
    file = bundle.folder / "tokenizer.json"
    tokenizer, content = Tokenizer.from_file(str(file)), json.loads(file.read_text(encoding="utf-8"))
    special_tokens = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    rules = None if content["model"]["type"] == "BPE" else read_character_rules(content)

    def is_outside(text: str) -> bool:
        if "\0" in text or any(token in text for token in special_tokens):
            return True
        if rules is None:
            return NEXT_LINE in text
        return bool(tokenizer.normalizer) and rules.normalized(text) != tokenizer.normalizer.normalize_str(text)

    return is_outside
