import pandas as pd

from materials.sources.movie_reviews import FILE, imdb_sentences, rotten_tomatoes, split_sentences


def test_reviews_are_cut_into_sentences_without_markup():
    review = 'What a great film this was!<br /><br />"I would see it again." Really? It &amp; I are friends now.'
    assert split_sentences(review) == [
        "What a great film this was!",
        '"I would see it again.',
        "It & I are friends now.",
    ]


def test_very_short_and_very_long_sentences_are_left_out():
    assert split_sentences("Too short. " + "word " * 61 + ".") == []


def test_the_two_sources_are_told_apart_and_imdb_labels_are_not_read(tmp_path):
    rows = {
        "text": ["a fine little film", "An awful lot of fun. Every minute of it counts."],
        "label": [1, 0],
        "source": ["rotten_tomatoes", "imdb"],
    }
    pd.DataFrame(rows).to_csv(tmp_path / FILE, index=False)
    labelled = rotten_tomatoes(tmp_path).train
    assert (labelled.items, labelled.labels) == (["a fine little film"], ["positive"])
    transfer = imdb_sentences(tmp_path).train
    assert (transfer.items, transfer.labels) == (["An awful lot of fun.", "Every minute of it counts."], None)
