from dataclasses import replace

import pytest
import torch
from torch import nn

from labkit.data.datasets import Split
from labkit.models.networks import MLP
from labkit.training.loop import evaluate
from labkit.training.moved import _moved, accuracy_when_moved

BLACK = torch.full((1, 1, 1), -2.0)


def test_images_move_and_freed_pixels_are_black():
    image = torch.arange(1.0, 13).reshape(1, 1, 3, 4)
    assert _moved(image, 1, 0, BLACK)[0, 0].tolist() == [[-2.0] * 4, [1, 2, 3, 4], [5, 6, 7, 8]]
    assert _moved(image, 0, -2, BLACK)[0, 0].tolist() == [[3, 4, -2, -2], [7, 8, -2, -2], [11, 12, -2, -2]]
    assert torch.equal(_moved(image, 0, 0, BLACK), image)


class Corner(nn.Module):
    """Sees one pixel in the middle: the class is 1 where it is bright."""

    def __init__(self, place):
        super().__init__()
        self.place = place
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images):
        bright = (images[:, 0, self.place, self.place] > 0).float() * self.weight
        return torch.stack([0.5 * torch.ones_like(bright), bright], 1)


def test_accuracy_is_a_mean_over_four_directions(digits):
    images = torch.full((2, 1, 9, 9), -1.0)
    images[1, 0, 4, 4] = images[1, 0, 5, 4] = 1  # two pixels, one above the other
    ones, test = torch.ones(1, 1, 1), Split("test", images, torch.tensor([0, 1]))  # so black is -1
    table = accuracy_when_moved({"corner": [Corner(4)]}, replace(digits, test=test, mean=ones, std=ones), range(3))
    assert table["accuracy"].tolist() == [100.0, 62.5, 50.0]  # one of four moves by 1 keeps a bright pixel there
    assert table["pixels"].tolist() == [0, 1, 2]


def test_images_that_stay_give_the_test_accuracy_and_the_mode_stays(digits):
    model = MLP((4,), num_classes=digits.num_classes).train()
    (accuracy,) = accuracy_when_moved({"a": [model]}, digits, [0])["accuracy"]
    assert accuracy == pytest.approx(100 * evaluate(model, digits).accuracy)
    assert model.training
