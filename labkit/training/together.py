"""Train many small networks at once as one, each with the result that it would have had alone.

Members with the same seed see the same batches.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn import functional

from labkit.basics.errors import UsageError
from labkit.basics.machine import get_device, keep_memory, tiny_as_zero
from labkit.basics.progress import Work
from labkit.data.datasets import Dataset, Split
from labkit.models.networks import MLP, CifarNet, LeNet5, count_parameters
from labkit.training.checkpoint import Checkpoint, Walk, steps_of
from labkit.training.config import TrainConfig
from labkit.training.loop import EVALUATION_BATCH, Evaluation, History, check_output, make_optimizer, make_schedule
from labkit.training.stacks import ConvolutionStack, Place, Stack, is_chain, layers_of

# Beyond these numbers of parameters, stacked weights, gradients and running averages leave the processor's caches, and
# networks train as fast one by one (benchmarks/sweep.py).
LARGEST_MEMBER = 400_000
LARGEST_ENSEMBLE = 3_000_000
# Convolutions gain as long as the images of a step, over all members, stay few: five seeds of CifarNet train 2.9 times
# as fast together at batch 4, 1.9 times at 16, 1.5 at 32 and 1.2 at 64 (benchmarks/grouped_convolutions.py).
STACKED_CNNS = (CifarNet, LeNet5)
LARGEST_BATCH = 64
LARGEST_STEP = 320  # images
MANY_GROUPS = 4  # of which two processes are done at about the same time

T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """A network to train, its settings, and torch's random state right after it was built, from which dropout draws."""

    model: nn.Module
    config: TrainConfig
    random_state: torch.Tensor


def signature(model: nn.Module, config: TrainConfig) -> Hashable:
    """Return what members of one ensemble must share; None for a network that cannot be in any.

    Learning rate, weight decay and seed may differ from member to member; for MLPs, widths and dropout as well.
    """
    shared = replace(config, lr=1.0, weight_decay=0.0, seed=0)
    if (type(model) in STACKED_CNNS or is_chain(model)) and config.batch_size <= LARGEST_BATCH:
        return repr(model), next(model.parameters()).dtype, shared
    if type(model) is not MLP or len(linears := layers_of(model, nn.Linear)) < 2:
        return None
    kinds = tuple(type(module) for module in model if not isinstance(module, nn.Dropout))
    return kinds, linears[0].in_features, linears[-1].out_features, linears[0].weight.dtype, shared


def arrange(members: Sequence[Member]) -> list[list[int]]:
    """Return which members, by their index, to train together; whoever trains alone comes in a list of one.

    Every seed must have the same networks in the same order, as in a sweep.
    """
    groups: list[list[int]] = []
    by_seed: dict[Hashable, dict[int, list[int]]] = {}  # signature -> seed -> indices
    for index, member in enumerate(members):
        shared = signature(member.model, member.config)
        if shared is None or count_parameters(member.model) > LARGEST_MEMBER:
            groups.append([index])
        else:
            by_seed.setdefault(shared, {}).setdefault(member.config.seed, []).append(index)
    for seeds in by_seed.values():
        sizes = [_size(members[index]) for index in next(iter(seeds.values()))]
        parts = [total // LARGEST_ENSEMBLE for total in accumulate(sizes)]  # of the networks: which part each is in
        for part in sorted(set(parts)):
            columns = [index for index, number in enumerate(parts) if number == part]
            seeds_at_once = max(1, LARGEST_ENSEMBLE // sum(sizes[index] for index in columns))
            rows = [[indices[index] for index in columns] for indices in seeds.values()]
            for start in range(0, len(rows), seeds_at_once):
                groups.append([index for row in rows[start : start + seeds_at_once] for index in row])
    return sorted(groups)


def halved(groups: Sequence[list[int]], members: Sequence[Member]) -> list[list[int]]:
    """Return the groups of `arrange`, each cut in two between its seeds where there are few: for several processes."""
    if len(groups) >= MANY_GROUPS:
        return list(groups)
    parts = []
    for group in groups:
        seeds = len({members[index].config.seed for index in group})
        half = (seeds + 1) // 2 * len(group) // seeds
        parts += [part for part in (group[:half], group[half:]) if part]
    return parts


def _size(member: Member) -> int:
    """Return a member's part of LARGEST_ENSEMBLE."""
    if isinstance(member.model, MLP):
        return count_parameters(member.model)
    return LARGEST_ENSEMBLE * member.config.batch_size // LARGEST_STEP


class Ensemble:
    """Members stacked into one network. Their own models hold the weights again after `fit`.

    Raises UsageError when the members do not share a signature, or when not every seed has the same widths.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        if len({signature(member.model, member.config) for member in members} | {None}) != 2:
            raise UsageError("Members of an ensemble must be networks of the same kind and settings: see `signature`.")
        by_seed: dict[int, list[int]] = {}
        for index, member in enumerate(members):
            by_seed.setdefault(member.config.seed, []).append(index)
        self.order = [index for group in by_seed.values() for index in group]  # seed by seed
        self.members = [members[index] for index in self.order]
        self.seeds = list(by_seed)
        shapes = [[parameter.shape for parameter in member.model.parameters()] for member in self.members]
        self.each = len(members) // len(self.seeds)
        if any(shapes[start : start + self.each] != shapes[: self.each] for start in range(0, len(members), self.each)):
            raise UsageError("Every seed of an ensemble must have members of the same widths, in the same order.")
        self.device = get_device()
        kind = Stack if isinstance(members[0].model, MLP) else ConvolutionStack
        self.stack: Any = kind([member.model for member in self.members], len(self.seeds), self.device)

    @tiny_as_zero()
    def fit(self, dataset: Dataset, work: Work | None = None, checkpoint: Checkpoint | None = None) -> list[History]:
        """Train all members as `loop.fit` would train each, and return a history for each.

        `seconds` of a history is the member's share of the time of all, by its number of parameters.
        work and checkpoint: see `loop.fit`. Raises LabkitError as `loop.fit`.
        """
        keep_memory()
        config = self.members[0].config
        check_output(self.members[0].model.to(self.device), dataset, self.device)
        images, labels = self._on_device(dataset.train)
        update = _Update(self.stack, [member.config for member in self.members], steps_of(len(labels), config))
        generators = [self._generator(member) for member in self.members]
        histories = [History() for _ in self.members]
        sums = torch.zeros(len(self.members), dtype=images.dtype, device=self.device)
        walk = Walk(config, len(labels), self.seeds, histories, sums, {"update": update}, generators, checkpoint)
        work = work or Work(config.epochs)
        work.skip(walk.found)
        for epoch in walk.epochs():
            work.doing = f"epoch {epoch} of {config.epochs}"
            for batch in walk.batches():
                logits = self.stack.logits(images[batch], generators, update.keep)
                truth = labels[batch].repeat_interleave(self.each, 0)
                loss = functional.cross_entropy(logits.flatten(0, 1), truth.flatten(), reduction="none")
                member_loss = loss.view_as(truth).mean(1)
                update.step(member_loss.sum())
                walk.losses[walk.step] = member_loss.detach()
                walk.correct += (logits.detach().argmax(2) == truth).sum(1)
                work.advance(1 / walk.steps)
            held_back = len(dataset.validation) > 0
            evaluations = self._evaluate(dataset, "validation") if held_back else [None] * len(histories)
            per_member = zip(histories, walk.losses.cpu().T, walk.correct.tolist(), evaluations, strict=True)
            for history, member_losses, correct_count, validation in per_member:
                history.add_epoch(member_losses, config.batch_size, correct_count, validation, len(labels))
        sizes = [count_parameters(member.model) for member in self.members]
        for history, size in zip(histories, sizes, strict=True):
            history.seconds = walk.seconds * size / sum(sizes)
        self.stack.copy_back()
        return self._as_given(histories)

    def evaluate(self, dataset: Dataset, split: str = "test") -> list[Evaluation]:
        """Evaluate every member on every image of one split; see `loop.evaluate`."""
        return self._as_given(self._evaluate(dataset, split))

    def _evaluate(self, dataset: Dataset, split: str) -> list[Evaluation]:
        data = dataset.split(split)
        images = self._on_device(data)[0].unsqueeze(0)
        copies = len(self.members) if isinstance(self.stack, ConvolutionStack) else 1  # of an image's maps
        batches = images.split(max(1, EVALUATION_BATCH // copies), dim=1)
        with torch.inference_mode():
            logits = torch.cat([self.stack.logits(batch) for batch in batches], 1).cpu()
        evaluations = []
        for values in logits:
            loss = functional.cross_entropy(values, data.labels).item()
            evaluations.append(Evaluation(split, values.softmax(1).clone(), data.labels, loss))
        return evaluations

    def _on_device(self, split: Split) -> tuple[torch.Tensor, torch.Tensor]:
        return split.images.to(self.device, self.stack.weights[0].dtype), split.labels.to(self.device)

    def _generator(self, member: Member) -> torch.Generator:
        """Return a generator that continues where the building of the member's model stopped."""
        generator = torch.Generator(self.device)
        if self.device.type == "cpu":
            generator.set_state(member.random_state)
            return generator
        return generator.manual_seed(member.config.seed)  # weights are drawn on the CPU, dropout on the device

    def _as_given(self, results: list[T]) -> list[T]:
        """Return results, one a member, in the order in which the members were given."""
        positions = sorted(range(len(results)), key=self.order.__getitem__)
        return [results[position] for position in positions]


class _Update:
    """One step of every member's optimiser. Members with the same learning rate and weight decay share one.

    Momentum lives in the gradients themselves, which `keep` lets decay; to the optimiser they are plain gradients.
    Where members differ in their rates, each optimiser works on views of the stacked parameters.
    """

    def __init__(self, stack: Any, configs: Sequence[TrainConfig], steps: int) -> None:
        shared = configs[0]
        self.sgd = shared.optimizer == "sgd"
        self.keep = shared.momentum if self.sgd else 0.0
        stacked = self.stacked = [*stack.weights, *stack.small]
        for parameter in stacked:
            parameter.grad.zero_()
        self.small = [parameter.grad for parameter in stack.small]
        by_rates: dict[tuple[float, float], list[Place]] = {}
        for config, places in zip(configs, stack.places, strict=True):
            by_rates.setdefault((config.lr, config.weight_decay), []).extend(places)
        self.parts = []
        for (lr, weight_decay), places in by_rates.items():
            views = stacked if len(by_rates) == 1 else [_view(parameter, index) for parameter, index in places]
            decay = weight_decay if self.sgd else 0.0  # it belongs into the momentum
            config = replace(shared, lr=lr, momentum=0.0, weight_decay=weight_decay - decay)
            optimizer = make_optimizer(views, config)
            self.parts.append((views, decay, optimizer, make_schedule(optimizer, config, steps)))

    def step(self, loss: torch.Tensor) -> None:
        """Change every member's weights by the gradient of `loss`."""
        torch._foreach_mul_(self.small, self.keep)
        loss.backward()
        for views, decay, optimizer, schedule in self.parts:
            if decay:
                torch._foreach_add_([view.grad for view in views], [view.data for view in views], alpha=decay)
            optimizer.step()
            schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the stacked parameters, the momentum where their gradients hold it, and the optimisers' state."""
        tensors = [parameter.data for parameter in self.stacked]
        return {
            "tensors": tensors + [parameter.grad for parameter in self.stacked if self.sgd],
            "parts": [(optimizer.state_dict(), schedule.state_dict()) for _, _, optimizer, schedule in self.parts],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        tensors = self.state_dict()["tensors"]
        for tensor, kept in zip(tensors, state["tensors"], strict=True):
            tensor.copy_(kept)
        for (_, _, *holders), kept_parts in zip(self.parts, state["parts"], strict=True):
            for holder, kept in zip(holders, kept_parts, strict=True):
                holder.load_state_dict(kept)


def _view(parameter: nn.Parameter, index: tuple[int | slice, ...]) -> nn.Parameter:
    """Return a part of `parameter` that shares its memory, and that of its gradient."""
    part = nn.Parameter(parameter.data[index])
    part.grad = parameter.grad[index]
    return part
