"""Cached trainings are found again by later versions: the names of their files must not change by themselves."""

from types import SimpleNamespace

import pytest
import torch

from labkit.models.networks import CifarNet, LeNet5
from labkit.training.cache import entry_names
from labkit.training.config import TrainConfig
from labkit.training.together import Member

DATA = SimpleNamespace(provenance=SimpleNamespace(fingerprint="0123456789abcdef"))


def member(model):
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    return Member(model, TrainConfig(), torch.get_rng_state())


@pytest.mark.parametrize(
    ("build", "count", "name"),
    [(LeNet5, 1, "c25b532575574639fbbbd8f22f208dc6.npz"), (CifarNet, 2, "8b64300b75fb7c8a7058e71c78d50f61.npz")],
)
def test_names_are_those_of_version_0_1(monkeypatch, build, count, name):
    """Recorded when the modules still lay in one folder: where a network's class lives is no part of its name."""
    monkeypatch.setattr(torch, "__version__", "2.15.0")
    assert entry_names([member(build()) for _ in range(count)], DATA, torch.get_num_threads()) == [name] * count
