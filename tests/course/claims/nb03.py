import torch
from torch import nn

from claims import Claim
from labkit.models.networks import CifarNet


def passed_on(initialisation):
    """Return the signal at the output of 13 layers, as a share of that of C1, for images of noise."""
    torch.manual_seed(0)
    model, signal = CifarNet(depth=13, initialisation=initialisation), []
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(lambda _, __, output: signal.append(output.std(0).mean().item()))
    model(torch.randn(50, 3, 32, 32))
    return signal[-1] / signal[0]


CLAIMS = [
    Claim(
        "In the deep network with PyTorch's initialisation almost nothing of the image reaches the output",
        lambda _: passed_on("default") < 1e-3 < 0.1 < passed_on("he"),
    ),
    Claim("The class's board shows who reaches the best accuracy with the fewest parameters.", None),
]
