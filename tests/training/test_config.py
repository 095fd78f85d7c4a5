from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import data_folder, out_folder
from labkit.report.profiles import PROFILES, get_profile
from labkit.training.config import TrainConfig


def test_exit_codes():
    assert (LabkitError.exit_code, UsageError.exit_code) == (1, 2)
    assert issubclass(UsageError, LabkitError)


@pytest.mark.parametrize(
    ("key", "value"), [("optimizer", "rmsprop"), ("schedule", "cosine"), ("epochs", 0), ("batch_size", -1), ("lr", 0.0)]
)
def test_train_config_refuses_bad_values(key, value):
    with pytest.raises(UsageError, match=key):
        replace(TrainConfig(), **{key: value})


def test_train_config_is_frozen_and_knows_its_keys():
    with pytest.raises(FrozenInstanceError):
        TrainConfig().lr = 1  # type: ignore[misc]
    with pytest.raises(TypeError, match="learning_rate"):
        TrainConfig(learning_rate=1)  # type: ignore[call-arg]
    assert replace(TrainConfig(), lr=0.5).lr == 0.5


@pytest.mark.parametrize("name", PROFILES)
def test_profiles(name):
    profile = get_profile(name)
    assert profile.seed_list(3) == list(range(3, 3 + 5))
    assert profile.choose("quick", "full") == name


def test_where_submissions_are_graded_a_latency_is_timed_less_often(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_REHEARSED", str(tmp_path))
    assert get_profile("quick").repeats < PROFILES["quick"].repeats
    assert get_profile("quick").train_limit == PROFILES["quick"].train_limit


def test_unknown_profile():
    with pytest.raises(UsageError, match="quick, full"):
        get_profile("fast")


def test_folders_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_DATA", "~/images")
    monkeypatch.setenv("LABKIT_OUT", str(tmp_path / "results"))
    assert data_folder() == Path.home() / "images"
    assert out_folder() == tmp_path / "results"
    assert out_folder(tmp_path / "mine") == tmp_path / "mine"


def test_folders_without_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("LABKIT_DATA")
    monkeypatch.delenv("LABKIT_OUT")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert out_folder() == tmp_path / "out"
    monkeypatch.chdir(tmp_path)
    assert out_folder() == tmp_path / "out"
    assert data_folder().parts[-2:] == ("labkit", "data")
