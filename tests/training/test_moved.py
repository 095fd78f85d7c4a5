import pytest
import torch
from torch import nn

from labkit.models.networks import MLP
from labkit.training.config import TrainConfig
from labkit.training.loop import evaluate, fit
from labkit.training.moved import _moved, accuracy_when_moved, train_each


def test_images_move_and_freed_pixels_are_black():
    image = torch.arange(1.0, 13).reshape(1, 1, 3, 4)
    black = torch.full((1, 1, 1), -2.0)
    assert _moved(image, 1, 0, black)[0, 0].tolist() == [[-2.0] * 4, [1, 2, 3, 4], [5, 6, 7, 8]]
    assert _moved(image, 0, -2, black)[0, 0].tolist() == [[3, 4, -2, -2], [7, 8, -2, -2], [11, 12, -2, -2]]
    assert torch.equal(_moved(image, 0, 0, black), image)


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
    from dataclasses import replace

    images = torch.zeros(2, 1, 9, 9)
    images[1, 0, 4, 4] = images[1, 0, 5, 4] = 1  # two pixels, one above the other
    split = replace(digits.test, images=2 * images - 1, labels=torch.tensor([0, 1]))
    dataset = replace(digits, test=split, mean=torch.full((1, 1, 1), 0.5), std=torch.full((1, 1, 1), 0.5))
    table = accuracy_when_moved({"corner": [Corner(4)]}, dataset, range(3))
    assert table["accuracy"].tolist() == [100.0, 62.5, 50.0]  # one of four moves by 1 keeps a bright pixel there
    assert table["pixels"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("distance", [0])
def test_images_that_stay_give_the_test_accuracy_and_the_mode_stays(digits, distance):
    model = MLP((4,), num_classes=digits.num_classes).train()
    (accuracy,) = accuracy_when_moved({"a": [model]}, digits, [distance])["accuracy"]
    assert accuracy == pytest.approx(100 * evaluate(model, digits).accuracy)
    assert model.training


def test_each_network_is_the_one_that_its_seed_gives(digits):
    config = TrainConfig(epochs=1, batch_size=32)

    def build(num_classes):
        return MLP((4,), num_classes=num_classes)

    first, second = train_each(build, digits, config, [0, 1])
    torch.manual_seed(0)
    alone = build(digits.num_classes)
    fit(alone, digits, config)
    assert torch.equal(first[1].weight, alone[1].weight)
    assert not torch.equal(first[1].weight, second[1].weight)
    assert not first.training
