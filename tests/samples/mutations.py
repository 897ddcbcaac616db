"""Files with one to three faults, as chance and malice make them; the same number always gives the same file."""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any

DEEP, LONG = "@deep@", "@long@"  # stand for what json.dumps cannot write, or not quickly
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 512, 2**31 - 1, 2**31, 2**40, 2**63, -(2**63), 10**400, 0.5, -0.5, 1e308),
    *(float("nan"), float("inf"), "", " ", "a", "\0", "\ud800", "../bait", "/bait", "nan", "[", "1e999", "text"),
    *([], {}, [None], [[]], {"": None}, {"a": {}}, [0] * 100, ["a", 1, None], DEEP, LONG),
)
BYTES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"\0\0\0\0", b"\x01", b'"', b"{", b"[")
YAML_PARTS = (
    *(
        "&a ",
        "*a",
        "<<: *a",
        "!!python/object/apply:os.system [true]",
        "!!binary x",
        "!!set {a}",
        "? [a, b]",
        ": ",
        "- ",
    ),
    *(
        "2001-99-99",
        "2001-01-01",
        "0x1f",
        "1_000",
        ".inf",
        ".nan",
        "~",
        "9" * 5000,
        "[" * 3000,
        "{a: " * 3000,
        "\t",
        "|",
    ),
    *(
        "---\n",
        "...\n",
        "%YAML 9.9\n",
        "#",
        "\0",
        "\x85",
        "'",
        '"',
        "@",
        "`",
        "!",
        "=",
        "!!int a",
        "!!float x",
        "!!null x",
    ),
    *("{1: 2}", "{null: 1}", "{[a]: 1}", "<<: 3", "a: &b [*b]", "!!timestamp 1", "../bait", "/bait", "1e400", "0o9"),
)
Mutate = Callable[[bytes, random.Random], bytes]


def mutated_bytes(content: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, dropped, doubled, moved or added; half of the time near the end, where tables stand."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        size = max(1, len(changed))
        start = (
            chance.randrange(size) if chance.random() < 0.5 else max(0, size - 1 - chance.randrange(min(size, 2000)))
        )
        end = min(size, start + chance.choice((1, 1, 2, 4, 8, 64, 1000)))
        kind = chance.randrange(8)
        if kind < 3 and changed:
            changed[start] = chance.randrange(256) if kind else changed[start] ^ (1 << chance.randrange(8))
        elif kind == 3:
            changed[start : start + 1] = chance.choice(BYTES)
        elif kind == 4:
            del changed[start:end]
        elif kind == 5:
            changed[start:start] = changed[start:end] * chance.choice((1, 2, 50))
        elif kind == 6:
            other = chance.randrange(size)
            changed[start:end] = changed[other : other + end - start]
        elif chance.random() < 0.3:
            del changed[start:]
    return bytes(changed)


def mutated_json(content: bytes, chance: random.Random) -> bytes:
    """Another value, key or order somewhere in the tree; sometimes other bytes."""
    if chance.random() < 0.15:
        return mutated_bytes(content, chance)
    tree = json.loads(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        tree = change_tree(tree, chance)
    text = json.dumps(tree)
    depth = chance.choice((50, 990, 100_000))
    text = text.replace(f'"{DEEP}"', "[" * depth + "]" * depth).replace(LONG, "long" * 300_000)
    return text.encode(errors="surrogatepass")


def change_tree(tree: Any, chance: random.Random) -> Any:
    """The tree with one change at a place that chance chooses, not too deep."""
    if not isinstance(tree, dict | list) or not tree or chance.random() < 0.08:
        return deepcopy(chance.choice(VALUES))
    key = chance.choice(list(tree)) if isinstance(tree, dict) else chance.randrange(len(tree))
    kind = chance.randrange(10)
    if kind < 4 and isinstance(tree[key], dict | list):
        tree[key] = change_tree(tree[key], chance)
    elif kind == 8 and isinstance(tree, dict):
        tree[chance.choice(("", "a", f"{key}s", *tree))] = tree.pop(key)
    elif kind == 8:
        tree.insert(key, tree[chance.randrange(len(tree))])
    elif kind == 9:
        del tree[key]
    elif kind == 7:
        tree[key] = tree[chance.choice(list(tree)) if isinstance(tree, dict) else chance.randrange(len(tree))]
        tree = json.loads(json.dumps(tree))  # a value that stands twice is changed once
    else:
        tree[key] = deepcopy(chance.choice(VALUES))
    return tree


def mutated_yaml(content: bytes, chance: random.Random) -> bytes:
    """Another value in the tree, or signs of YAML put into the text."""
    import yaml

    if chance.random() < 0.5:
        return (
            yaml.safe_dump(change_tree(yaml.safe_load(content), chance))
            .replace(DEEP, "[" * 2000)
            .encode(errors="replace")
        )
    if chance.random() < 0.3:
        return mutated_bytes(content, chance)
    text = content.decode()
    for _ in range(chance.choice((1, 1, 2, 4))):
        places = [number for number, sign in enumerate(text) if sign in " \n"]
        place = chance.choice(places) + 1
        end = place + chance.choice((0, 0, text[place:].find("\n")))
        text = text[:place] + chance.choice(YAML_PARTS) + text[max(place, end) :]
    return text.encode(errors="replace")


def mutated_safetensors(content: bytes, chance: random.Random) -> bytes:
    """Another header in front of the same numbers, with its length put right; sometimes other bytes."""
    if chance.random() < 0.3:
        return mutated_bytes(content, chance)
    length = int.from_bytes(content[:8], "little")
    header = mutated_json(content[8 : 8 + length], chance)
    size = chance.choice((len(header), len(header), len(header), len(header), 0, 2**40, len(header) + 1))
    return size.to_bytes(8, "little") + header + content[8 + length :]


def mutated_onnx(content: bytes, chance: random.Random) -> bytes:
    """Another number, name, size or order in the graph; sometimes other bytes."""
    import onnx

    if chance.random() < 0.3:
        return mutated_bytes(content, chance)
    model = onnx.ModelProto.FromString(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        _change_message(model, chance)
    return model.SerializeToString()


def _change_message(message: Any, chance: random.Random) -> None:
    """One change in a message of protobuf, at a field that chance chooses, or in a message below it."""
    fields = [field for field, _ in message.ListFields()]
    if not fields:
        return
    field = chance.choice(fields)
    value = getattr(message, field.name)
    if field.message_type:
        if not field.is_repeated:
            _change_message(value, chance)
        elif chance.random() < 0.12:
            del value[chance.randrange(len(value))]
        elif chance.random() < 0.06:
            value.add().CopyFrom(value[chance.randrange(len(value))])
        else:
            _change_message(value[chance.randrange(len(value))], chance)
    elif field.is_repeated:
        place = chance.randrange(len(value))
        with suppress(ValueError):  # a number that the field cannot hold
            value[place] = _other(value[place], chance)
        if chance.random() < 0.2:
            value.append(value[place])
    else:
        with suppress(ValueError):
            setattr(message, field.name, _other(value, chance))


def _other(value: Any, chance: random.Random) -> Any:
    if isinstance(value, str):
        return chance.choice(
            ("", "a", "../bait", "/bait", "Loop", "MatMul", "Gather", "Reshape", "com.microsoft", value * 2)
        )
    if isinstance(value, bytes):
        return mutated_bytes(value, chance) if value else b"a"
    if isinstance(value, float):
        return chance.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
    return chance.choice((0, 1, -1, 2, 3, 7, 16, 22, 1000, 2**31 - 1, -(2**31), value + 1, max(0, value - 1)))
