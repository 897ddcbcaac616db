"""Reading YAML that anybody may have written: no code, no tree that is endless, and no cost beyond its size."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from materials.errors import RequestError

MOST_NODES, DEEPEST, MOST_BYTES = 100_000, 50, 4_000_000


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
    """What a YAML file says, and its nodes, which know their lines. Raises RequestError for what is no YAML.

    An alias stands for all that its anchor holds, so that a few lines can mean billions of values, or one that holds
    itself: nodes are counted as often as they are meant before any value is made of them.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RequestError(f"{path} has {path.stat().st_size:,} bytes; expected at most {MOST_BYTES:,}")
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _count(root, path, {}, 1)
        return yaml.safe_load(text), root
    except RequestError:
        raise
    except RecursionError:
        raise RequestError(f"{path} is nested too deeply; expected at most {DEEPEST} levels") from None
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
    ) as error:  # by a value such as 2001-99-99
        raise RequestError(f"{path} is no YAML: {' '.join(str(error).split())}") from None


def _count(node: yaml.Node, path: Path, counts: dict[int, int], depth: int) -> int:
    """How many nodes a node stands for, those of its aliases counted each time."""
    if depth > DEEPEST:
        raise RequestError(f"{path} is nested too deeply, or holds itself; expected at most {DEEPEST} levels")
    if id(node) not in counts:
        counts[id(node)] = 1 + sum(_count(part, path, counts, depth + 1) for part in _parts(node))
    if counts[id(node)] > MOST_NODES:
        raise RequestError(f"{path} stands for more than {MOST_NODES:,} values, which its aliases repeat")
    return counts[id(node)]


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value
