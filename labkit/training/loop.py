"""Train one network and evaluate it, with totals over images, never means of batch means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from labkit.basics.errors import LabkitError, first_line
from labkit.basics.machine import get_device, keep_memory, tiny_as_zero
from labkit.basics.progress import Log, Work, progress
from labkit.data.datasets import Dataset
from labkit.training.checkpoint import Checkpoint, Walk, steps_of
from labkit.training.config import TrainConfig

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Images at once: with 1,000, a CNN's maps leave the processor's caches, and take 1.4 times as long.
EVALUATION_BATCH = 500


@dataclass
class History:
    """What `fit` saw: one dict an epoch, the loss of every step, and the seconds spent on training steps.

    train_loss and train_accuracy of an epoch are totals gathered while the weights still change, so they lag behind
    the network that the epoch ends with; validation is measured at the epoch's end, and NaN where none is held back.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    step_losses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def table(self) -> pd.DataFrame:
        """Return one row an epoch."""
        import pandas as pd

        return pd.DataFrame(self.epochs)

    def add_epoch(
        self, losses: torch.Tensor, batch_size: int, correct: float, validation: Evaluation | None, n: int
    ) -> None:
        """Note an epoch over `n` images: the mean loss of each step (steps,), whose last batch may be smaller."""
        sizes = torch.full((len(losses),), float(batch_size))
        sizes[-1] = n - (len(losses) - 1) * batch_size
        self.step_losses += losses.tolist()
        self.epochs.append(
            {
                "epoch": len(self.epochs) + 1,
                "train_loss": float((losses.cpu() * sizes).sum() / n),
                "train_accuracy": correct / n,
                "validation_loss": validation.loss if validation else math.nan,
                "validation_accuracy": validation.accuracy if validation else math.nan,
            }
        )


@dataclass(frozen=True)
class Evaluation:
    """What a network makes of one split: `probabilities` (N, classes), `labels` (N,), and the mean loss an image."""

    split: str
    probabilities: torch.Tensor
    labels: torch.Tensor
    loss: float

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def predictions(self) -> torch.Tensor:
        """The most probable class of each image (N,)."""
        return self.probabilities.argmax(1)

    @property
    def correct(self) -> torch.Tensor:
        """Whether each image is classified correctly (N,) bool."""
        return self.predictions == self.labels

    @property
    def accuracy(self) -> float:
        """Share of all images that are classified correctly."""
        return self.correct.float().mean().item()

    def confusion(self) -> np.ndarray:
        """Return the confusion matrix (true class, predicted class) in numbers of images."""
        from sklearn.metrics import confusion_matrix

        matrix: np.ndarray = confusion_matrix(self.labels, self.predictions, labels=range(self.probabilities.shape[1]))
        return matrix

    def classification_report(self, class_names: Sequence[str]) -> str:
        """Return scikit-learn's table: precision, recall, F1 and number of images of each class, and their means."""
        from sklearn.metrics import classification_report

        report: str = classification_report(
            self.labels,
            self.predictions,
            labels=range(len(class_names)),
            target_names=list(class_names),
            zero_division=0,
        )
        return report

    def __str__(self) -> str:
        return f"{self.split} accuracy {self.accuracy:.2%} (n = {self.n:,})"


@tiny_as_zero()
def fit(
    model: nn.Module,
    dataset: Dataset,
    config: TrainConfig,
    log: Log | None = None,
    work: Work | None = None,
    checkpoint: Checkpoint | None = None,
) -> History:
    """Train `model` in place on the training split with cross-entropy, and measure validation after each epoch.

    The whole split lies in memory, normalised once; a batch is a row of indices; the loss is read once an epoch. Two
    choices were measured on two cores (benchmarks/inner_loop.py): weights are channels_last, which saves 22 % of an
    epoch of ConvNet and 0 to 12 % of the others'; two threads save 33 to 40 % of one's time.

    The order of the batches comes from `config.seed` alone; initial weights are the caller's, so call
    `set_seed` before building the model. log: called with one plain line an epoch, e.g. `print`; where someone watches,
    a progress bar stands below the lines. work: that of which this training is a part, in epochs; it takes the place of
    the log and the bar. checkpoint: keeps the training every minute or so, and goes on where an interrupted one stood.
    Raises LabkitError when the model does not give one logit a class, or ends in a softmax, or labels are decimals.
    """
    keep_memory()
    device = get_device()
    model.to(device, memory_format=torch.channels_last)  # convolutions run up to a third faster, on CPUs and GPUs
    images, labels = dataset.train.images.to(device), dataset.train.labels.to(device)
    check_output(model, dataset, device)
    optimizer = make_optimizer(model.parameters(), config)
    schedule = make_schedule(optimizer, config, steps_of(len(labels), config))
    history = History()
    holders = {"model": model, "optimizer": optimizer, "schedule": schedule}
    sums = torch.zeros((), device=device)
    walk = Walk(config, len(labels), [config.seed], [history], sums, holders, _generators(device), checkpoint)
    with progress(config.epochs, "epochs", log) if work is None else nullcontext(work) as work:
        work.skip(walk.found)
        for epoch in walk.epochs():
            work.doing = f"epoch {epoch} of {config.epochs}"
            model.train()
            for (batch,) in walk.batches():
                logits = model(images[batch])
                loss = functional.cross_entropy(logits, labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                walk.losses[walk.step] = loss.detach()
                walk.correct += (logits.detach().argmax(1) == labels[batch]).sum()
                work.advance(1 / walk.steps)
            history.seconds = walk.seconds
            validation = evaluate(model, dataset, "validation") if len(dataset.validation) else None
            history.add_epoch(walk.losses, config.batch_size, float(walk.correct), validation, len(labels))
            told = f", validation accuracy {validation.accuracy:.1%}" if validation else ""
            work.tell(f"epoch {epoch}/{config.epochs}: train loss {history.epochs[-1]['train_loss']:.3f}{told}")
    return history


def evaluate(model: nn.Module, dataset: Dataset, split: str = "test") -> Evaluation:
    """Evaluate `model` on every image of one split ("train", "validation" or "test"), in evaluation mode."""
    data = dataset.split(split)
    device = get_device()
    model.to(device)
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model(batch.to(device)).cpu() for batch in data.images.split(EVALUATION_BATCH)])
        loss = functional.cross_entropy(logits, data.labels).item()
        probabilities = logits.softmax(1)
    model.train(was_training)
    return Evaluation(split, probabilities.clone(), data.labels, loss)


def make_optimizer(parameters: Iterable[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    """Return the optimiser that `config` names, in torch's fused form."""
    common = {"lr": config.lr, "weight_decay": config.weight_decay, "fused": True}
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=config.momentum, **common)
    if config.optimizer == "adam":
        return torch.optim.Adam(parameters, **common)
    return torch.optim.AdamW(parameters, **common)


def make_schedule(
    optimizer: torch.optim.Optimizer, config: TrainConfig, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the schedule that `config` names: constant, or one cycle up and down (Smith and Topin 2019)."""
    if config.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.lr, total_steps=steps * config.epochs, cycle_momentum=False
    )


def _generators(device: torch.device) -> list[torch.Generator]:
    """Return torch's own random generators, from which layers draw."""
    return [
        torch.default_generator,
        *([torch.cuda.default_generators[device.index or 0]] if device.type == "cuda" else []),
    ]


def check_output(model: nn.Module, dataset: Dataset, device: torch.device) -> None:
    """Raise LabkitError when the model cannot take the images or does not give logits, or labels are no numbers."""
    if dataset.train.labels.is_floating_point():
        raise LabkitError(
            "The labels are decimals, but cross-entropy needs the number of each image's class: use labels.long()."
        )
    was_training = model.training
    try:
        with torch.inference_mode():
            output = model.eval()(dataset.train.images[:2].to(device))
            shape = tuple(getattr(output, "shape", ()))
    except RuntimeError as error:
        raise LabkitError(
            f"The model does not take images of shape {(2, *dataset.image_shape)}: {first_line(error)}"
        ) from error
    finally:
        model.train(was_training)
    if shape != (2, dataset.num_classes):
        output_kind = f"an output of shape {shape}" if shape else f"a {type(output).__name__}"
        raise LabkitError(
            f"The model turns 2 images into {output_kind}, but {dataset.num_classes} classes need "
            f"(2, {dataset.num_classes}): one logit a class and image."
        )
    if bool((output >= 0).all() and ((output.sum(1) - 1).abs() < 1e-4).all()):
        raise LabkitError(
            "The model ends in a softmax, but cross-entropy applies softmax itself: leave it out, or the loss of "
            f"{dataset.num_classes} classes can never come near 0."
        )
