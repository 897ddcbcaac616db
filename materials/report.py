"""How a long piece of work says how far it is."""

from collections.abc import Callable

Report = Callable[[int, int], None]  # takes what is done and the total


def silent(done: int, total: int) -> None:
    """Report no progress."""
