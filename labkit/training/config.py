"""How a network is trained."""

from __future__ import annotations

from dataclasses import dataclass, fields

from labkit.basics.errors import UsageError


@dataclass(frozen=True)
class TrainConfig:
    """How one network is trained. Frozen: `dataclasses.replace` derives another; an unknown key raises TypeError."""

    epochs: int = 5  # passes over the training split
    batch_size: int = 64  # images a step
    optimizer: str = "adam"  # one of OPTIMIZERS
    lr: float = 1e-3  # learning rate; the peak of it under the one-cycle schedule
    momentum: float = 0.9  # sgd only
    weight_decay: float = 0.0  # decoupled for adamw, an L2 term in the gradient otherwise
    schedule: str = "constant"  # one of SCHEDULES
    shuffle: bool = True  # a new order of the training images each epoch
    seed: int = 0  # initial weights, order of batches, dropout

    def __post_init__(self) -> None:
        for key, value, known in (("optimizer", self.optimizer, OPTIMIZERS), ("schedule", self.schedule, SCHEDULES)):
            if value not in known:
                raise UsageError(f"{key} {value!r} is not known: choose one of {', '.join(known)}.")
        for key in ("epochs", "batch_size", "lr"):
            if getattr(self, key) <= 0:
                raise UsageError(f"{key} must be greater than 0, but it is {getattr(self, key)}.")


OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "one_cycle")


CONFIG_KEYS = {field.name for field in fields(TrainConfig)}
