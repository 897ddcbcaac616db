"""Small data sets of each kind of task and item, whose answers can be read off single words or colours."""

import json
from pathlib import Path

import pandas as pd
from sample_images import draw_images
from sample_texts import NEGATIVE, POSITIVE, sentences

TOPICS = ("rain", "music", "paris")


def pairs_file(path: Path, count: int) -> Path:
    """A CSV file of pairs: the second text alone tells the label."""
    first, _ = sentences(count, start=20_000)
    second, labels = sentences(count, start=30_000)
    pd.DataFrame({"premise": first, "hypothesis": second, "label": labels}).to_csv(path, index=False)
    return path


def numbers_file(path: Path, count: int) -> Path:
    """A CSV file of texts with a number: how many of their words are positive, times ten."""
    texts, _ = sentences(count, start=40_000)
    texts = [f"{text} {' '.join(POSITIVE[: number % 5])}" for number, text in enumerate(texts)]
    scores = [10.0 * sum(text.split().count(word) for word in POSITIVE) for text in texts]
    pd.DataFrame({"text": texts, "label": scores}).to_csv(path, index=False)
    return path


def labels_file(path: Path, count: int) -> Path:
    """A JSON Lines file of texts with a list of labels: the topics and tones whose words they hold."""
    lines = []
    for text in sentences(count, start=50_000)[0]:
        words = set(text.split())
        tones = [tone for tone, group in (("bad", NEGATIVE), ("good", POSITIVE)) if words & set(group)]
        lines.append(json.dumps({"text": text, "label": [*tones, *(topic for topic in TOPICS if topic in words)]}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def image_folder(folder: Path, count: int) -> Path:
    """Folders train and val, each with a folder of red and one of blue images."""
    for part, images, start in (("train", count, 0), ("val", count // 4, 10_000)):
        drawn, labels = draw_images(folder / ".drawn", images, start)
        for path, label in zip(drawn, labels, strict=True):
            target = folder / part / label / Path(path).name
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(path).rename(target)
    return folder
