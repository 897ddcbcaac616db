import numpy as np
import pandas as pd

from materials.word_vectors import read_glove


def test_vectors_come_in_the_order_of_the_words_and_unknown_words_are_zero(tmp_path):
    table = np.arange(9, dtype=np.float32).reshape(3, 3)
    np.save(tmp_path / "glove_6B_50d_emb.npy", table)
    pd.DataFrame({"index": ["the", "film", "is"]}).to_parquet(tmp_path / "glove_6B_index.parquet")
    vectors = read_glove(tmp_path, ["is", "zzz", "the"])
    assert vectors.matrix.tolist() == [[6, 7, 8], [0, 0, 0], [0, 1, 2]]
    assert vectors.has_vector.tolist() == [True, False, True]
