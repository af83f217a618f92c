"""What a trained network sees of levels: pcr profile --model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import training_runs
from helpers.conversions import PCR, fail, succeed
from torchvision import models

from pcr.dataset.reader import Dataset
from pcr.errors import PCRError, UsageError
from pcr.tools.level_profile import compare_predictions, profile_levels, recommend_by_kl
from pcr.train.checkpoint import LAST_FILE
from pcr.train.classifier import Classifier


@pytest.fixture(scope="module")
def checkpoint(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier") / "run"
    assert training_runs.train(*training_runs.pcr_run(data, folder), "--epochs", "1") == 0
    return folder / LAST_FILE


def test_log_probabilities_of_images_of_any_size(checkpoint: Path) -> None:
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((50, 70), (9, 120))]
    found = Classifier.load(str(checkpoint)).log_probabilities(images)
    assert found.shape == (2, 2)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)


def test_torchvisions_networks_see_what_they_were_validated_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published = models.squeezenet1_1()
    weights = models.SqueezeNet1_1_Weights
    monkeypatch.setattr(weights, "get_state_dict", lambda *_a, **_k: published.state_dict())
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    (found,) = Classifier.load("squeezenet1_1").log_probabilities([pixels])
    seen = weights.DEFAULT.transforms()(torch.from_numpy(pixels).permute(2, 0, 1))
    with torch.inference_mode():
        expected = torch.log_softmax(published.eval()(seen[None]), dim=1)[0]
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3)


def test_a_checkpoint_may_have_more_outputs_than_classes(data: Path, tmp_path: Path) -> None:
    run = [*training_runs.pcr_run(data, tmp_path), "--epochs", "1", "--num_classes", "7"]
    assert training_runs.train(*run) == 0
    image = np.zeros((50, 50, 3), np.uint8)
    assert Classifier.load(str(tmp_path / LAST_FILE)).log_probabilities([image]).shape == (1, 7)


def test_the_divergence_is_torchs() -> None:
    logits = torch.randn(5, 3, 7, generator=torch.Generator().manual_seed(0)).double()
    log_probabilities = torch.log_softmax(logits, dim=2)
    kl, same = compare_predictions(log_probabilities.numpy())
    for level in range(3):
        expected = torch.nn.functional.kl_div(
            log_probabilities[:, level],
            log_probabilities[:, -1],
            log_target=True,
            reduction="batchmean",
        )
        assert kl[level] == pytest.approx(expected.item())
    assert (kl[-1], same[-1]) == (0, 1)


def test_levels_are_recommended_by_divergence(data: Path, checkpoint: Path) -> None:
    predict = Classifier.load(str(checkpoint)).log_probabilities
    dataset = Dataset(data / "pcr")
    table = profile_levels(dataset, 6, tries=0, progress=False, predict=predict).table
    assert table["kl_mean"].iloc[-1] == 0 < table["kl_mean"].iloc[0]
    assert recommend_by_kl(table, 0)[0] == 1 + int((table["kl_mean"] > 0).sum())
    level, reason = recommend_by_kl(table, float(table["kl_mean"].max()))
    assert level == 1
    assert reason.startswith("Start with --n_scans 1, the lowest level with a KL divergence")


def test_the_command_shows_both_curves(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    words = ("profile", data / "pcr", "--sample", 3, "--out", tmp_path, "--quiet")
    text = succeed(PCR, *words, "--model", checkpoint)
    assert "lowest level with a KL divergence <= 0.1" in " ".join(text.split())
    table = pd.read_csv(tmp_path / "profile.csv")
    assert {"ms_ssim_mean", "kl_mean", "same_class"} <= set(table.columns)
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines if not line.startswith(str(tmp_path)))
    words = (*words, "--force")
    missing = tmp_path / "none.pth.tar"
    expected = f"--model: {missing}: no such file, and torchvision has no classifier"
    assert expected in fail(PCR, *words, "--model", missing, code=2)
    assert "--kl: expected 0 or more" in fail(PCR, *words, "--kl", -1, code=2)


def test_a_network_that_cannot_be_had(tmp_path: Path) -> None:
    expected = "resnet19: no such file, and torchvision has no .* did you mean resnet18"
    with pytest.raises(UsageError, match=expected):
        Classifier.load("resnet19")
    damaged = tmp_path / "checkpoint.pth.tar"
    damaged.write_bytes(b"not a checkpoint")
    with pytest.raises(PCRError, match="expected a checkpoint"):
        Classifier.load(str(damaged))
