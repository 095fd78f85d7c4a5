import numpy as np
import pytest
import torch

from labkit.basics.errors import UsageError
from labkit.data.datasets import load
from labkit.data.shares import divide


def test_all_training_images_are_used_where_none_is_held_back():
    whole, usual = (load("mnist", "embedded", validation=share) for share in (0, 0.1))
    assert len(whole.train) == whole.provenance.train_available == len(usual.train) + len(usual.validation)
    assert whole.provenance.validation == len(whole.validation) == 0
    assert ": 1,347 training, no validation, 450 test images" in str(whole)
    both = torch.cat([usual.train.labels, usual.validation.labels])
    assert torch.equal(whole.train.labels.bincount(), both.bincount())
    with pytest.raises(UsageError, match="There is no validation split: all training images are used"):
        whole.split("validation")


@pytest.mark.parametrize("validation", [0, 0.25])
def test_a_limit_keeps_the_shares_of_the_classes(validation):
    labels = np.arange(4000) % 4
    train, held_back = divide(labels, validation, 100)
    assert np.bincount(labels[train]).tolist() == [25] * 4
    assert len(held_back) == round(validation * 100 / (1 - validation))
    assert not set(train) & set(held_back)
