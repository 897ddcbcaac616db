"""A student of images is taught by where its teacher looks, from stored maps."""

import numpy as np
import pytest
from sample_command import distilbench
from sample_tasks import image_folder

from bench.record.run_file import read_run
from materials.errors import RequestError
from teachers.knowledge import load_knowledge

RECIPE = """
name: attentive
data: {{train: {data}}}
teacher: {{architecture: image-body, weights: untrained, body: {{channels: [4, 8, 8], blocks: 1, stem: small}},
  image_size: 32, epochs: 2, batch_size: 16, learning_rate: 3.0e-3, formats: [eager]}}
students: [{{architecture: resnet, image_size: 24, epochs: 2, batch_size: 16, learning_rate: 1.0e-2,
  settings: {{channels: [4, 4, 8]}}}}]
objectives: [{{name: hard}}, {{name: weighted, weights: {weights}}}]
formats: [eager]
measuring: {{seconds: 0.02, scenarios: [single-stream], batch_sizes: [8]}}
"""


def run(tmp_path, weights):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(data=image_folder(tmp_path / "images", 40), weights=weights), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
        return distilbench("run", recipe, "--output", tmp_path / "run")


def test_maps_are_stored_and_learned_from(tmp_path):
    assert run(tmp_path, "{hard: 1, attention: 10}").code == 0
    (folder,) = [record.parent for record in (tmp_path / "cache" / "stages" / "knowledge").glob("*/stage.json")]
    features = load_knowledge(folder).outputs.features
    assert set(features) == {"attention-1", "attention-2", "attention-3"}
    assert np.linalg.norm(features["attention-1"].astype(float), axis=1) == pytest.approx(1, abs=0.01)
    assert "resnet weighted hard=1 attention=10" in {row.model for row in read_run(tmp_path / "run").rows}


def test_features_of_transformers_are_none_of_images(tmp_path):
    with pytest.raises(RequestError, match="transformer"):
        run(tmp_path, "{hard: 1, hidden: 1}")
