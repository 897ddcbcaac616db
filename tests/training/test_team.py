"""Processes that train together come to the same weights as one."""

import numpy as np
import pytest
import torch
from sample_processes import launched

from materials.team import Team, current_team

TRAIN = """
import sys, torch
sys.path[:0] = {paths}
from test_loop import examples, run
from sample_models import tiny_shape
from sample_texts import sentences
from materials.team import current_team
from pathlib import Path
from students.checkpoint import build_student, student_encoder
from students.vocabulary import build_tokenizer, save_tokenizer

torch.set_num_threads(1)
folder = Path({folder!r}) / str(current_team().rank)
folder.mkdir(parents=True)
tokenizer = build_tokenizer(sentences(200)[0], words_with_vector=())
save_tokenizer(tokenizer, folder)
shape = tiny_shape("linear", words=tokenizer.get_vocab_size(), settings={{"buckets": 100}})
module, encoder = build_student(shape, vectors=None, seed=0), student_encoder(folder / "tokenizer.json", shape)
history = run(module, encoder, rows=examples(encoder, 163), epochs=2, optimiser={optimiser!r})
torch.save([module.state_dict(), [(epoch.loss, epoch.train["accuracy"]) for epoch in history]], folder / "trained.pt")
"""


@pytest.mark.parametrize("optimiser", ["adam", "lazy-adam"])
def test_two_processes_come_to_the_weights_of_one(tmp_path, request, optimiser):
    """163 rows in batches of 16: the last has three rows, an odd number."""
    trained = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        script = tmp_path / f"train-{processes}.py"
        paths = [str(request.config.rootpath / place) for place in ("", "tests/training", "tests/samples")]
        script.write_text(TRAIN.format(paths=paths, folder=str(folder), optimiser=optimiser))
        result = launched(processes, str(script))
        assert result.returncode == 0, result.stderr[-2000:]
        trained[processes] = [torch.load(folder / str(rank) / "trained.pt") for rank in range(processes)]
    (weights, history), (first, second) = trained[1][0], trained[2]
    for name, values in weights.items():
        assert torch.allclose(values, first[0][name], atol=1e-5), name
        assert torch.equal(first[0][name], second[0][name])
    assert np.allclose(history, first[1], atol=1e-5)


def test_shares_of_a_batch_add_up_to_it():
    rows = np.arange(7)
    shares = [Team(rank=rank, size=3).share(rows) for rank in range(3)]
    assert sorted(np.concatenate([own for own, _ in shares]).tolist()) == rows.tolist()
    assert sum(weight for _, weight in shares) == pytest.approx(1)
    few = [Team(rank=rank, size=3).share(rows[:2]) for rank in range(3)]
    assert all(own.tolist() == [0, 1] and weight == pytest.approx(1 / 3) for own, weight in few)


def test_one_process_is_a_team_of_its_own():
    team = current_team()
    assert (team.rank, team.size, team.is_first) == (0, 1, True)
    assert team.gather("x") == ["x"]
    assert team.agree(3) == 3
    assert str(team.same_failure(ValueError("a"))) == "a"
