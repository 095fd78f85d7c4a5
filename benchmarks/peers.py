"""Seconds an epoch for one MLP (300 hidden neurons, batch 128, Adam) on MNIST: other libraries and the kit.

pip install -e '.[bench]'; python benchmarks/peers.py --data FOLDER

Every side gets the same tensors in memory, two threads, and one epoch to warm up.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "torch"

import torch
from measure import arguments, in_turn, median, publish
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from labkit.data.datasets import load
from labkit.models.networks import MLP
from labkit.training.config import TrainConfig
from labkit.training.loop import fit

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)  # Lightning speaks before every fit

chosen = arguments(__doc__.splitlines()[0], {"repeats": 1, "images": 6_000}, repeats=5, images=0)
digits = load("mnist", chosen.data, validation=0.01, train_limit=chosen.images or None)
images, labels = digits.train.images.flatten(1).contiguous(), digits.train.labels
LR, BATCH, WIDTH = 1e-3, 128, 300


def network() -> nn.Sequential:
    """Return the network of every torch side."""
    return nn.Sequential(nn.Linear(784, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))


def scikit_learn() -> Callable[[], None]:
    """MLPClassifier, one iteration a call."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((WIDTH,), batch_size=BATCH, learning_rate_init=LR, alpha=0, max_iter=1, warm_start=True)
    pixels, truth = images.numpy(), labels.numpy()
    return lambda: model.fit(pixels, truth)


def data_loader() -> Callable[[], None]:
    """The usual loop over a DataLoader of a TensorDataset."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    loader = DataLoader(TensorDataset(images, labels), BATCH, shuffle=True)

    def epoch() -> None:
        for batch, truth in loader:
            optimizer.zero_grad()
            functional.cross_entropy(model(batch), truth).backward()
            optimizer.step()

    return epoch


def lightning() -> Callable[[], None]:
    """Lightning's Trainer, without loggers, checkpoints and bars."""
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = network()

        def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
            return functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=LR)

    module = Module()
    loader = DataLoader(TensorDataset(images, labels), BATCH, shuffle=True)

    def epoch() -> None:
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        lightning.Trainer(max_epochs=1, accelerator="cpu", enable_model_summary=False, **quiet).fit(module, loader)

    return epoch


def skorch() -> Callable[[], None]:
    """skorch's classifier, one epoch a call."""
    from skorch import NeuralNetClassifier

    model = NeuralNetClassifier(
        network(),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LR,
        batch_size=BATCH,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        max_epochs=1,
    ).initialize()
    return lambda: model.partial_fit(images, labels)


def keras_on_torch() -> Callable[[], None]:
    """Keras with torch as its backend."""
    import keras

    model = keras.Sequential([keras.layers.Dense(WIDTH, activation="relu"), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(LR), loss=loss)
    return lambda: model.fit(images.numpy(), labels.numpy(), batch_size=BATCH, verbose=0)


def labkit() -> Callable[[], None]:
    """The kit's `fit`, with its evaluation after the epoch."""
    model = MLP((WIDTH,))
    return lambda: fit(model, digits, TrainConfig(epochs=1, batch_size=BATCH, lr=LR))


SIDES = {
    "labkit": labkit,
    "scikit-learn": scikit_learn,
    "Lightning": lightning,
    "skorch": skorch,
    "Keras on torch": keras_on_torch,
    "DataLoader loop": data_loader,
}

epochs, missing = {}, []
for name, prepare in SIDES.items():
    try:
        epochs[name] = prepare()
        epochs[name]()
    except ImportError as error:
        missing.append(f"{name} ({error.name})")


def seconds(epoch: Callable[[], None]) -> float:
    """Return how long one epoch takes."""
    start = time.perf_counter()
    epoch()
    return time.perf_counter() - start


times = in_turn({name: lambda epoch=epoch: seconds(epoch) for name, epoch in epochs.items()}, chosen.repeats)
ours = median(times["labkit"])
publish(
    "peers",
    f"One MLP (300 hidden neurons, batch 128), one epoch of {len(labels):,} images of MNIST",
    ["library", "seconds an epoch", "of labkit's time"],
    [[name, f"{median(values):.2f}", f"{median(values) / ours:.1f}x"] for name, values in times.items()],
    {"seconds": times},
)
if missing:
    print(f"Not installed, so not measured: {', '.join(missing)}. Install them with `pip install -e '.[bench]'`.")
