"""News and newsgroup posts with their topics, as tables of label and text with three header lines."""

from pathlib import Path

from materials.rows import Source, Table

HEADER_LINES = 3


def read_topics(folder: Path, *, name: str) -> Source:
    """The official train and test rows of a collection, NAME-train.tab and NAME-test.tab, without blank lines.

    The texts are lower-case words without punctuation and digits, as Cardoso-Cachopo (2007) prepared them.
    """
    train, test = (_read(folder / f"{name}-{part}.tab") for part in ("train", "test"))
    return Source(train=train, test=test)


def _read(file: Path) -> Table:
    lines = file.read_text(encoding="utf-8").split("\n")[HEADER_LINES:]
    rows = [line.split("\t") for line in lines if line.strip()]
    return Table(items=[text for _, text in rows], labels=[label for label, _ in rows])
