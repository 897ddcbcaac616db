"""The part of a graph that turns texts into lower-case words and signs with spaces between them."""

from collections.abc import Mapping

from export.from_text.characters import GONE, WITH_MARKS, CharacterRules
from export.from_text.graph_parts import EXTENSIONS, GraphParts

ROW_END, PIECE_END, NO_CHARACTER = "\ufffe", "\uffff", "\ufdd0"


def add_words(parts: GraphParts, rules: CharacterRules, texts: str) -> str:
    """Return the name of the texts, string (batch,), with spaces wherever the tokenizer would cut.

    ASCII texts take a short way; for others a piece of each text is looked up in the table of characters.
    """
    is_ascii = parts.one("RegexFullMatch", texts, pattern=r"[\x00-\x7f]*")
    all_ascii = parts.one("ReduceMin", parts.one("Cast", is_ascii, to=6), keepdims=0)
    ascii_parts, table_parts = (GraphParts(prefix=f"{parts.prefix}{name}_") for name in ("ascii", "other"))
    ascii_texts = (
        ascii_parts.one("StringLower", texts, domain=EXTENSIONS) if rules.lowers else ascii_parts.one("Identity", texts)
    )
    condition = parts.one("Cast", all_ascii, to=9)
    texts = parts.choose(condition, ascii_parts, ascii_texts, table_parts, _add_tables(table_parts, rules, texts))
    if rules.ascii_removed:
        texts = parts.replace(texts, rules.ascii_removed, "")
    if rules.ascii_spaces:
        texts = parts.replace(texts, rules.ascii_spaces, " ")
    sign_pattern = "|".join(filter(None, (rules.together, rules.ascii_signs)))
    return parts.replace(texts, f"({sign_pattern})", r" \1 ")


def _add_tables(parts: GraphParts, rules: CharacterRules, texts: str) -> str:
    """The texts with each character replaced; all rows are one text on the way, so that none is padded."""
    texts = parts.replace(texts, f"[{ROW_END}{PIECE_END}{GONE}]", NO_CHARACTER)
    row = parts.one("StringJoin", texts, parts.constant([ROW_END]), parts.constant([0]), domain=EXTENSIONS)
    if rules.composed:
        row = _look_up(parts, row, WITH_MARKS, rules.composed)
    row = _look_up(parts, row, rules.looked_up, rules.spaced)
    for pattern, replacement in ((rules.long_removed, GONE), (rules.long_signs, r" \0 ")):
        row = parts.replace(row, pattern, replacement) if pattern else row
    texts = parts.one("Reshape", parts.add("StringSplit", row, delimiter=ROW_END, outputs=2)[0], parts.constant([-1]))
    return parts.replace(texts, GONE, "")  # only now: of an empty row, the split leaves nothing


def _look_up(parts: GraphParts, row: str, pattern: str, table: Mapping[str, str]) -> str:
    # Marks around each match make it a piece of its own, which StringMapping, unlike a pattern, can replace by a table.
    row = parts.replace(row, f"({pattern})", f"{PIECE_END}\\1{PIECE_END}")
    pieces = parts.add("StringSplit", row, delimiter=PIECE_END, outputs=2)[0]
    lines = "\n".join(f"{piece}\t{replacement}" for piece, replacement in table.items())
    pieces = parts.one("StringMapping", pieces, domain=EXTENSIONS, map=lines)
    return parts.one("StringJoin", pieces, parts.constant([""]), parts.constant([1]), domain=EXTENSIONS)
