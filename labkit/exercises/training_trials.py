"""Trying objects that train a network or measure one: what they did is noted, step by step.

As `trials`, it runs where student code runs, and knows no right answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.exercises.torch_trials import dataset_of, linear_network, scratch_network
from labkit.exercises.trials import each, unusable, without

SMOOTHING = 0.1  # of labels, in the loss that `training_steps` hands on
SCRATCH = ("labkit.models.scratch.train",)
FIT, EVALUATE = ("labkit.training.loop.fit",), ("labkit.training.loop.evaluate",)


def training_steps(train_step: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Run a function for one step of training on a small network, once a batch, with gradient descent.

    inputs: batches (a list of images and labels), number of classes, seed of the weights, learning rate. A note lists
    for each step what was returned, the weights afterwards, and the order in which backward and step were called.
    """

    def trial(batches: Any, classes: int, seed: int, lr: float) -> dict[str, Any]:
        import torch

        model, events = linear_network(batches[0][0][0], classes, seed), [[] for _ in batches]  # type: ignore[var-annotated]
        optimizer = torch.optim.SGD(model.parameters(), lr)
        loss_fn = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)  # so that no other loss stands in for it
        noted: dict[str, Any] = {"returned": [], "types": [], "recorded": [], "weights": [], "events": events}
        for (images, labels), step_events in zip(batches, events, strict=True):
            hooks = [
                model[1].weight.register_hook(lambda _, step_events=step_events: step_events.append("backward")),
                optimizer.register_step_pre_hook(lambda *_, step_events=step_events: step_events.append("step")),
            ]
            returned = train_step(model, images, labels, loss_fn, optimizer)
            noted["returned"].append(returned)
            noted["types"].append(type(returned).__name__)
            noted["recorded"].append(bool(getattr(returned, "requires_grad", False)))
            noted["weights"].append(torch.cat([weights.detach().flatten() for weights in model.parameters()]))
            for hook in hooks:
                hook.remove()
        return noted

    return each(train_step, trial, inputs)


def on_loaders(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Call a function of a model and a loader. inputs: images, labels, batch size.

    The model takes the pixels of an image for its logits, and turns their signs round in training mode. A note says as
    well whether the model ever worked with a graph. labkit's own evaluation cannot be used.
    """

    def trial(images: Any, labels: Any, batch_size: int) -> dict[str, Any] | None:
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        class Pixels(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.sign, self.recorded = torch.nn.Parameter(torch.ones(1)), False

            def forward(self, images: Any) -> Any:
                self.recorded |= torch.is_grad_enabled()
                logits = images.flatten(1) * self.sign.to(images.device)
                return -logits if self.training else logits

        model = Pixels().train()
        returned = function(model, DataLoader(TensorDataset(images, labels), batch_size))
        return None if returned is None else {"returned": returned, "recorded": model.recorded}

    return without(unusable(*EVALUATE), lambda function, inputs: each(function, trial, inputs), function, inputs)


def measurements(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Call a function of a model, images and labels. inputs: images, labels, whether the model is in training mode.

    The model takes the pixels of an image for its logits, and turns their signs round in training mode. A note says as
    well in which mode it worked, whether with a graph, its mode afterwards, and whether graphs are recorded then.
    labkit's own evaluation cannot be used.
    """

    def trial(images: Any, labels: Any, training: bool) -> dict[str, Any] | None:
        import torch

        class Pixels(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.dropout, self.modes, self.recorded = torch.nn.Dropout(0.0), [], []  # type: ignore[var-annotated]
                self.sign = torch.nn.Parameter(torch.ones(1))

            def forward(self, images: Any) -> Any:
                self.modes.append(self.training or self.dropout.training)
                self.recorded.append(torch.is_grad_enabled())
                logits = images.flatten(1) * self.sign
                return -logits if self.modes[-1] else logits

        model = Pixels().train(training)
        enabled = torch.is_grad_enabled()
        try:
            returned = function(model, images, labels)
            noted = {"modes": model.modes, "recorded": model.recorded, "after": model.training}
            noted["enabled"] = torch.is_grad_enabled()
        finally:
            torch.set_grad_enabled(enabled)
        return None if returned is None else {"returned": returned, **noted}

    return without(unusable(*EVALUATE), lambda function, inputs: each(function, trial, inputs), function, inputs)


def trainings(train: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Have a function train a small network on a dataset, and note its weights afterwards.

    inputs: splits (name: images and labels), number of classes, seed of the weights, epochs, batch size, learning rate.
    A note says as well which training images each batch had that went through the network with a graph (-1: none of
    them), and for each step of an optimiser of PyTorch's the images of its batch, which optimiser it was, its learning
    rate, and whether the gradient was that of this batch alone. labkit's own training cannot be used.
    """

    def trial(splits: Any, classes: int, seed: int, epochs: int, batch_size: int, lr: float) -> dict[str, Any] | None:
        import torch
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        images = splits["train"][0]
        watch = _Watch(images)
        model = linear_network(images[0], classes, seed)
        model[1].register_forward_pre_hook(lambda *call: watch.forward(*call))  # so that copies share the watch
        handle = register_optimizer_step_pre_hook(watch.step)
        try:
            trained = train(model, dataset_of(splits, classes, ""), epochs, batch_size, lr)
        finally:
            handle.remove()
        if not isinstance(trained, torch.nn.Module):
            return None if trained is None else {"returned": trained}
        weights = torch.nn.utils.parameters_to_vector([parameter.cpu() for parameter in trained.parameters()])
        return {"weights": weights, "batches": watch.batches, "steps": watch.steps}

    return without(unusable(*FIT), lambda train, inputs: each(train, trial, inputs), train, inputs)


def scratch_epochs(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Have a function train a network from scratch for one epoch, and note its cost, batches and weights.

    inputs: sizes, activation, images, labels, learning rate, batch size, seed of the order. A batch is noted when its
    gradient is computed: the numbers of its images (-1: none of them). labkit's own training cannot be used.
    """

    def trial(
        sizes: Any, activation: str, images: Any, labels: Any, lr: float, batch_size: int, seed: int
    ) -> dict[str, Any] | None:
        import numpy as np

        network, batches = scratch_network(sizes, activation), []
        known = {image.tobytes(): number for number, image in enumerate(images)}
        backward = network.backward

        def noting(*arguments: Any, **keywords: Any) -> Any:
            batches.append([known.get(row.tobytes(), -1) for row in network.outputs[0]] if network.outputs else [])
            return backward(*arguments, **keywords)

        network.backward = noting  # type: ignore[method-assign]
        cost = function(network, images, labels, lr, batch_size, np.random.default_rng(seed))
        if cost is None:
            return None
        weights = np.concatenate([values.ravel() for values in network.weights + network.biases])
        return {"cost": cost, "weights": weights, "batches": batches}

    return without(unusable(*SCRATCH), lambda function, inputs: each(function, trial, inputs), function, inputs)


class _Watch:
    """Notes what goes through a linear layer, and the steps of optimisers."""

    def __init__(self, images: Any) -> None:
        self.known = {image.numpy().tobytes(): number for number, image in enumerate(images.flatten(1))}
        self.batches: list[list[int]] = []
        self.steps: list[dict[str, Any]] = []
        self.optimizers: list[Any] = []
        self.last_batch: list[int] = []
        self.layer = self.gradient = self.hook = None

    def forward(self, layer: Any, arguments: tuple[Any, ...]) -> None:
        """Note which images a batch holds."""
        import torch

        if not torch.is_grad_enabled():
            return
        rows = arguments[0].detach().cpu()
        self.batches.append([self.known.get(row.numpy().tobytes(), -1) for row in rows])
        if layer is not self.layer:
            if self.hook is not None:
                self.hook.remove()
            self.layer, self.hook = layer, layer.weight.register_hook(self.backward)

    def backward(self, gradient: Any) -> None:
        """Keep the gradient, and the batch that it belongs to."""
        self.gradient, self.last_batch = gradient.detach().clone(), self.batches[-1]

    def step(self, optimizer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Note a step; clipping may have made its gradient shorter."""
        import torch

        if not any(optimizer is other for other in self.optimizers):
            self.optimizers.append(optimizer)
        number = next(index for index, other in enumerate(self.optimizers) if other is optimizer)
        fresh, ready = True, None if self.layer is None else self.layer.weight.grad
        if ready is not None and self.gradient is not None:
            ours, theirs = ready.flatten().double(), self.gradient.flatten().double()
            fresh = bool(torch.dot(ours, theirs) >= (1 - 1e-6) * ours.norm() * theirs.norm())
        lr = float(optimizer.param_groups[0]["lr"])
        self.steps.append({"batch": self.last_batch, "optimizer": number, "lr": lr, "fresh": fresh})
