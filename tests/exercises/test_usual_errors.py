import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from labkit.exercises.catalogue import exercises
from labkit.exercises.judge import examine


class WithoutSuper(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(3, 3)


class WithoutSuperOrLayers(nn.Module):
    def __init__(self):
        self.width = 3


def by_hand():
    weights = torch.ones(2, requires_grad=True)
    weights -= 1


CASES = [
    (lambda: torch.ones(2, 3) - torch.ones(2), "keepdim=True"),
    (lambda: np.ones((2, 3)) - np.ones(2), "keepdims=True"),
    (lambda: np.ones((2, 3)).max(1, keepdim=True), "NumPy says axis, keepdims"),
    (WithoutSuper, "super().__init__()"),
    (lambda: WithoutSuperOrLayers().eval(), "super().__init__()"),
    (lambda: WithoutSuperOrLayers()(torch.ones(2)), "super().__init__()"),
    (lambda: cross_entropy(torch.tensor([1, 2]), torch.ones(2, 3)), "loss_fn(logits, labels)"),
    (lambda: cross_entropy(torch.ones(2, 3), torch.tensor([1, 2]).float()), "labels must stay whole numbers"),
    (lambda: cross_entropy(torch.ones(2, 3), torch.tensor([1, 7])), "too few outputs"),
    (lambda: nn.Linear(2, 2)(torch.ones(2, 2).double()), ".float() makes float32"),
    (lambda: nn.Linear(2, 2)(torch.ones(2, 2).long()), ".float() makes float32"),
    (lambda: nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 2, 2).double()), ".float() makes float32"),
    (lambda: torch.tensor([1, 2]).mean(), "use .float()"),
    (lambda: nn.Linear(2, 2)(torch.ones(2, 3)), "another number of inputs"),
    (lambda: nn.Conv2d(3, 1, 1)(torch.ones(1, 1, 2, 2)), "with as many channels"),
    (lambda: torch.ones(2).item(), "here are several"),
    (lambda: bool(np.ones(2) > 0), ".all() or .any()"),
    (lambda: 0.1 * [1.0, 2.0], "a list does not compute"),
    (lambda: [].sort() + 1, "something is None"),
    (lambda: [*len("ab")], "such as [300] in place of 300"),
    (lambda: torch.mean(np.ones(2)), "NumPy and PyTorch are mixed"),
    (by_hand, "torch.no_grad()"),
    (lambda: never_defined, "Run the notebook from the top"),  # noqa: F821
    (lambda: nn.Linear(2), "more or fewer arguments"),
    (lambda: np.ones((2, 3)) @ np.ones(2), "want .T?"),
]


@pytest.mark.parametrize(("action", "meaning"), CASES)
def test_usual_errors_are_translated_beside_the_original(action, meaning):
    message = examine(exercises()["1.4"], lambda powers, error: action()).message
    with pytest.raises(Exception) as raised:  # noqa: PT011 - any error, as it comes
        action()
    assert message.startswith(f"Your code raised {raised.type.__name__} in the line `")
    assert str(raised.value).strip().splitlines()[0][:60] in message
    assert meaning in message
    assert message[-1] in ".?"
