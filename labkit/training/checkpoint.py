"""An unfinished training on disk, so that an interrupted one goes on from its midst, to the same result."""

from __future__ import annotations

import copy
import hashlib
import io
import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from labkit import __version__
from labkit.basics.errors import LabkitError, first_line
from labkit.basics.files import write_atomically
from labkit.basics.machine import synchronise
from labkit.training.config import TrainConfig

if TYPE_CHECKING:
    from labkit.training.loop import History

INTERVAL = 60.0  # seconds of training between two checkpoints,
LARGEST_SHARE = 0.005  # and more where the disk is slow: of the time, that much goes into them at most
DIGEST = 16  # bytes


class Checkpoint:
    """The file of one unfinished training; without a path nothing is kept. It is read without unpickling objects."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.next = math.inf if path is None else time.monotonic() + INTERVAL

    def due(self) -> bool:
        """Whether it is time to keep the training again."""
        return time.monotonic() >= self.next

    def save(self, state: dict[str, Any]) -> None:
        """Keep where a training stands, in place of where it stood before; on a full disk warn, and keep no more."""
        assert self.path is not None
        start = time.monotonic()
        buffer = io.BytesIO()
        torch.save({"labkit": __version__, **state}, buffer)
        try:
            write_atomically(self.path, _digest(buffer.getvalue()) + buffer.getvalue())
        except LabkitError as error:
            warnings.warn(f"This training goes on, but is not kept before its end: {error}", stacklevel=2)
            self.next = math.inf
            return
        end = time.monotonic()
        self.next = end + max(INTERVAL, (end - start) / LARGEST_SHARE)

    def load(self) -> dict[str, Any] | None:
        """Return where the training stood; None when nothing of this labkit's is kept, or it is damaged: a warning."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            content = self.path.read_bytes()
            if _digest(content[DIGEST:]) != content[:DIGEST]:
                raise ValueError("wrong digest")
            state: dict[str, Any] = torch.load(io.BytesIO(content[DIGEST:]), map_location="cpu", weights_only=True)
            return state if state["labkit"] == __version__ else None
        except Exception as error:  # a file of somebody else's raises almost anything
            self.warn(error)
            return None

    def warn(self, error: Exception) -> None:
        """Say that what is kept is of no use."""
        name = self.path.name if self.path else ""
        warnings.warn(
            f"The unfinished training {name} is damaged ({first_line(error)}), so it starts anew.", stacklevel=2
        )

    def remove(self) -> None:
        """Remove the file: the training is finished, and its result is kept."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


class Holder(Protocol):
    """What torch's networks, optimisers and schedules are alike in."""

    def state_dict(self) -> dict[str, Any]:
        """Return what is to be kept."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Go on from what was kept."""


class Walk:
    """The way through a training of one network or many: its epochs, their batches, and the sums of the epoch so far.

    n: training images. seeds: one an order in which the images come. histories: one a network, in their order.
    sums: zeros of the shape of a step's losses. holders: all that changes from step to step; generators: what layers
    draw from. checkpoint: gives where an interrupted training stood, and is given where this one stands.

    The loop adds each step to `losses` (steps, ...) and `correct` (...); `seconds` are those of the steps.
    """

    def __init__(
        self,
        config: TrainConfig,
        n: int,
        seeds: Sequence[int],
        histories: Sequence[History],
        sums: torch.Tensor,
        holders: Mapping[str, Holder],
        generators: Sequence[torch.Generator],
        checkpoint: Checkpoint | None,
    ) -> None:
        self.config, self.n, self.histories, self.holders = config, n, histories, holders
        self.orders = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.draws = [order.get_state() for order in self.orders]  # from which this epoch's orders are drawn
        self.generators = generators
        self.checkpoint = checkpoint or Checkpoint()
        self.epoch, self.step, self.seconds = 1, 0, 0.0
        self.steps = steps_of(n, config)
        self.losses = sums.repeat(self.steps, *[1] * sums.dim())
        self.correct = torch.zeros_like(sums, dtype=torch.long)
        if (kept := self.checkpoint.load()) is not None:
            before = copy.deepcopy(self._state())
            try:
                self._go_on(kept)
            except Exception as error:
                self._go_on(before)
                self.checkpoint.warn(error)

    @property
    def found(self) -> float:
        """How many epochs are done."""
        return self.epoch - 1 + self.step / self.steps

    def epochs(self) -> Iterator[int]:
        """Yield the number of each epoch that is not finished."""
        while self.epoch <= self.config.epochs:
            yield self.epoch
            self.epoch, self.step = self.epoch + 1, 0
            self.losses.zero_()
            self.correct.zero_()

    def batches(self) -> Iterator[torch.Tensor]:
        """Yield the batches of this epoch that are not done: the places of their images (seeds, batch size)."""
        start = time.perf_counter()
        self.draws = [order.get_state() for order in self.orders]
        places = torch.arange(self.n).expand(len(self.orders), -1)
        if self.config.shuffle:
            places = torch.stack([torch.randperm(self.n, generator=order) for order in self.orders])
        batches = places.to(self.losses.device).split(self.config.batch_size, dim=1)
        for batch in batches[self.step :]:
            yield batch
            self.step += 1
            if self.checkpoint.due():
                self._add_seconds(start)
                self.checkpoint.save(self._state())
                start = time.perf_counter()
        self._add_seconds(start)

    def _add_seconds(self, start: float) -> None:
        synchronise(self.losses.device)
        self.seconds += time.perf_counter() - start

    def _state(self) -> dict[str, Any]:
        return {
            "at": [self.epoch, self.step, self.seconds],
            "draws": self.draws,
            "generators": [generator.get_state() for generator in self.generators],
            "sums": [self.losses, self.correct],
            "holders": {name: holder.state_dict() for name, holder in self.holders.items()},
            "histories": [
                [history.epochs, torch.tensor(history.step_losses, dtype=torch.float64)] for history in self.histories
            ],
        }

    def _go_on(self, kept: dict[str, Any]) -> None:
        """Go on from what `_state` returned."""
        for name, holder in self.holders.items():
            holder.load_state_dict(kept["holders"][name])
        for generator, state in zip([*self.orders, *self.generators], kept["draws"] + kept["generators"], strict=True):
            generator.set_state(state)
        for sum_of, kept_sum in zip((self.losses, self.correct), kept["sums"], strict=True):
            sum_of.copy_(kept_sum)
        for history, (epochs, step_losses) in zip(self.histories, kept["histories"], strict=True):
            history.epochs, history.step_losses = epochs, step_losses.tolist()
        self.epoch, self.step, self.seconds = kept["at"]


def steps_of(n: int, config: TrainConfig) -> int:
    """Return the steps of an epoch over `n` images; the last may be smaller."""
    return -(-n // config.batch_size)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST).digest()
