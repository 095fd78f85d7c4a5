import copy
import math
import statistics
from types import SimpleNamespace

import numpy as np
import torch
from scipy import stats
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from labkit.data.datasets import Split
from labkit.report import uncertainty
from labkit.training.config import TrainConfig
from labkit.training.loop import evaluate, fit


def usual_step(model, images, labels, loss_fn, optimizer):
    optimizer.zero_grad()
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def clearing_at_the_end(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    model.zero_grad()
    return loss.detach().item()


def by_autograd(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    parameters = list(model.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optimizer.step()
    return np.float32(loss.item())


def step(order="zf bs", softmax=False, labels_as=lambda labels: labels, returns=lambda loss, again: loss.item()):
    """Return a step that does its parts in another order: z zero_grad, f forward, b backward, s step."""

    def spoilt(model, images, labels, loss_fn, optimizer):
        def forward():
            logits = model(images)
            return loss_fn(logits.softmax(1) if softmax else logits, labels_as(labels))

        loss = None
        for part in order.replace(" ", ""):
            if part == "z":
                optimizer.zero_grad()
            elif part == "f":
                loss = forward()
            elif part == "b":
                loss.backward()
            else:
                optimizer.step()
        return returns(loss, forward)

    return spoilt


def late(kept):
    def returns(loss, _):
        kept.append(loss.item())
        return kept[max(0, len(kept) - 2)]

    return returns


def own_update(model, images, labels, loss_fn, optimizer):
    own = torch.optim.SGD(model.parameters(), lr=0.01)
    return usual_step(model, images, labels, loss_fn, own)


def in_totals(model, loader):
    model.eval()
    right = 0
    with torch.no_grad():
        for images, labels in loader:
            right += int((model(images).argmax(1) == labels).sum())
    return right / len(loader.dataset)


@torch.inference_mode()
def in_one_piece(model, loader):
    pairs = [(model.eval()(images).argmax(1), labels) for images, labels in loader]
    predictions, labels = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    return (predictions == labels).double().mean()


def spoilt_accuracy(switch=True, graph=False, finish=lambda rights, counts: sum(rights) / sum(counts)):
    def accuracy(model, loader):
        if switch:
            model.eval()
        with torch.set_grad_enabled(graph):
            found = [((model(images).argmax(1) == labels).sum().item(), len(labels)) for images, labels in loader]
        return finish(*zip(*found, strict=True))

    return accuracy


def by_evaluate(model, loader):
    images, labels = loader.dataset.tensors
    splits = {name: Split(name, images, labels) for name in ("train", "validation", "test")}
    return evaluate(model, SimpleNamespace(split=splits.get), "test").accuracy


def batches_of(correct, size):
    whole = correct.shape[1] // size * size
    return 100 * correct[:, :whole].reshape(-1, size).mean(1)


def batch_by_batch(correct, size):
    found = []
    for row in correct:
        for start in range(0, len(row) - size + 1, size):
            found.append(100 * row[start : start + size].mean())
    return np.std(found, ddof=1)


def seed_by_seed(correct, size):
    return np.mean([batches_of(row[None], size).std() for row in correct])


def with_the_last_batch(correct, size):
    return np.std([100 * row[start : start + size].mean() for row in correct for start in range(0, len(row), size)])


def train(model, images, labels, epochs, batch_size, lr, stop=math.inf):
    optimizer, steps = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9), 0
    for _ in range(epochs):
        for chosen in torch.randperm(len(labels)).split(batch_size):
            if steps < stop:
                usual_step(model, images[chosen], labels[chosen], nn.CrossEntropyLoss(), optimizer)
            steps += 1
    return model


def by_indexing(model, dataset, epochs, batch_size, lr):
    return train(model.train(), dataset.train.images, dataset.train.labels, epochs, batch_size, lr)


def by_loader(model, dataset, epochs, batch_size, lr):
    split = dataset.split("train")
    loader = DataLoader(TensorDataset(split.images, split.labels), batch_size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
    return model


def by_fit(model, dataset, epochs, batch_size, lr):
    fit(model, dataset, TrainConfig(epochs=epochs, batch_size=batch_size, optimizer="sgd", lr=lr))
    return copy.deepcopy(model)


def with_plain_gradient_descent(model, dataset, epochs, batch_size, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        for chosen in torch.randperm(len(dataset.train)).split(batch_size):
            images, labels = dataset.train.images[chosen], dataset.train.labels[chosen]
            clearing_at_the_end(model, images, labels, nn.CrossEntropyLoss(), optimizer)
    return model


def on_splits(*names):
    def train_classifier(model, dataset, *settings):
        images = torch.cat([dataset.split(name).images for name in names])
        return train(model, images, torch.cat([dataset.split(name).labels for name in names]), *settings)

    return train_classifier


def stops_after(steps):
    def train_classifier(model, dataset, *settings):
        return train(model, dataset.train.images, dataset.train.labels, *settings, stop=steps)

    return train_classifier


def one_batch_an_epoch(model, dataset, epochs, batch_size, lr):
    for _ in range(epochs):
        train(model, dataset.train.images, dataset.train.labels, 1, batch_size, lr, stop=1)
    return model


def with_mixed_labels(model, dataset, *settings):
    return train(model, dataset.train.images, dataset.train.labels.roll(1), *settings)


def the_copy_from_before(model, *settings):
    before = copy.deepcopy(model)
    by_indexing(model, *settings)
    return before


def spoilt_training(
    shuffle=lambda count, epoch: torch.randperm(count),
    batch=lambda size: size,
    lr=lambda lr: lr,
    epochs=lambda epochs: epochs,
    clear=True,
    renew="",
):
    """Return a training with one part of it spoilt; renew: where a new optimiser is made."""

    def train_classifier(model, dataset, count, size, rate):
        def make():
            return torch.optim.SGD(model.parameters(), lr(rate), momentum=0.9)

        images, labels, optimizer = dataset.train.images, dataset.train.labels, make()
        for epoch in range(epochs(count)):
            optimizer = make() if renew == "epoch" else optimizer
            for chosen in shuffle(len(labels), epoch).split(batch(size)):
                optimizer = make() if renew == "step" else optimizer
                step("zfbs" if clear else "fbs")(
                    model, images[chosen], labels[chosen], nn.CrossEntropyLoss(), optimizer
                )
        return model

    return train_classifier


def reseeded(count, epoch):
    torch.manual_seed(3)
    return torch.randperm(count)


def shuffled_batches(model, dataset, epochs, size, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=0.9)
    batches = torch.arange(len(dataset.train)).split(size)
    for _ in range(epochs):
        for number in torch.randperm(len(batches)):
            images, labels = dataset.train.images[batches[number]], dataset.train.labels[batches[number]]
            usual_step(model, images, labels, nn.CrossEntropyLoss(), optimizer)
    return model


def another_network(model, dataset, *settings):
    own = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 5))
    by_indexing(model, dataset, *settings)
    return by_indexing(own, dataset, *settings)


def by_hand(model, dataset, epochs, size, lr):
    for _ in range(epochs):
        for chosen in torch.randperm(len(dataset.train)).split(size):
            model.zero_grad()
            functional.cross_entropy(model(dataset.train.images[chosen]), dataset.train.labels[chosen]).backward()
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter -= lr * parameter.grad
    return model


def with_clipping_and_schedule(model, dataset, epochs, size, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    loader = DataLoader(TensorDataset(dataset.train.images, dataset.train.labels), size, shuffle=True, drop_last=True)
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            functional.cross_entropy(model(images), labels).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        schedule.step()
    return model


def shifted(model, dataset, epochs, size, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=0.9)
    for _ in range(epochs):
        for chosen in torch.randperm(len(dataset.train)).split(size):
            images = dataset.train.images[chosen] + 0.05 * torch.randn(len(chosen), 1, 4, 4)
            usual_step(model, images, dataset.train.labels[chosen], nn.CrossEntropyLoss(), optimizer)
    return model


def evaluating_in_between(model, dataset, epochs, size, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr)
    for _ in range(epochs):
        for chosen in torch.randperm(len(dataset.train)).split(size):
            images, labels = dataset.train.images[chosen], dataset.train.labels[chosen]
            usual_step(model, images, labels, nn.CrossEntropyLoss(), optimizer)
        print((model(dataset.validation.images).argmax(1) == dataset.validation.labels).float().mean())
        print((model(dataset.train.images).argmax(1) == dataset.train.labels).float().mean())
    return model


def by_scipy(ours, theirs):
    differences = ours - theirs
    return stats.t.interval(0.95, len(differences) - 1, differences.mean(), stats.sem(differences))


def by_a_table(ours, theirs):
    t = {3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 8: 2.36, 10: 2.26}[len(ours)]
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    half = t * np.std(differences, ddof=1) / len(differences) ** 0.5
    return [np.mean(differences) - half, np.mean(differences) + half]


def by_statistics(ours, theirs):
    differences = [float(one - other) for one, other in zip(ours, theirs, strict=True)]
    half = stats.t.ppf(0.975, len(ours) - 1) * statistics.stdev(differences) / math.sqrt(len(ours))
    return [statistics.mean(differences) - half, statistics.mean(differences) + half]


def t_interval(
    middle=np.mean,
    factor=lambda n: stats.t.ppf(0.975, n - 1),
    spread=lambda differences: differences.std(ddof=1),
    root=lambda n: n**0.5,
):
    """The interval with one of its parts exchanged."""

    def interval(ours, theirs):
        differences, n = ours - theirs, len(ours)
        half = factor(n) * spread(differences) / root(n)
        return middle(differences) - half, middle(differences) + half

    return interval


def by_compare(ours, theirs):
    found = uncertainty.compare(ours, theirs)
    return found.low, found.high


RIGHT = {
    "2.1": [usual_step, clearing_at_the_end, by_autograd, step("fzbs")],
    "2.2": [in_totals, in_one_piece, spoilt_accuracy()],
    "2.3": [
        lambda matrix: matrix.diagonal() / matrix.sum(1),
        lambda matrix: [row[label] / row.sum() for label, row in enumerate(matrix)],
        lambda matrix: torch.tensor(matrix).diag() / torch.tensor(matrix).sum(dim=1),
    ],
    "2.4": [lambda correct, size: batches_of(correct, size).std(), batch_by_batch],
    "2.5": [
        by_scipy,
        by_a_table,
        by_statistics,
        lambda ours, theirs: stats.ttest_rel(ours, theirs).confidence_interval(),
        lambda ours, theirs: stats.ttest_1samp(ours - theirs, 0).confidence_interval(0.95),
        lambda ours, theirs: torch.tensor(by_scipy(ours, theirs)),
    ],
    "2.6": [
        by_indexing,
        by_loader,
        with_plain_gradient_descent,
        by_hand,
        with_clipping_and_schedule,
        shifted,
        lambda model, *rest: by_indexing(copy.deepcopy(model), *rest),
        evaluating_in_between,
    ],
}
WRONG = {
    "2.1": [
        (step("fbs"), "zero_grad() is missing"),
        (step("fbzs"), "zero_grad() between backward() and step()"),
        (step("zfb"), "optimizer.step() is missing"),
        (step("zfs"), "backward() is missing"),
        (step("zfsb"), "step() comes before backward()"),
        (step("fszb"), "step() comes before backward()"),
        (step("zfbs", softmax=True), "Leave softmax away"),
        (step("zfbs", labels_as=torch.Tensor.float), "labels must stay whole numbers"),
        (step("zfbs", returns=lambda loss, again: None), "returns None"),
        (step("zfbs", returns=lambda loss, again: loss), "its whole graph"),
        (step("zfbs", returns=lambda loss, again: loss.detach()), "as a tensor"),
        (lambda m, x, y, loss_fn, o: usual_step(m, x, y, functional.cross_entropy, o), "a loss of its own"),
        (lambda m, x, y, loss_fn, o: usual_step(m, x, y, lambda logits, y: loss_fn(y, logits), o), "(logits, labels)"),
        (step("zfbs", returns=lambda loss, again: again().item()), "the loss after the step"),
        (step("zfbs", returns=lambda loss, again: "low"), "a text, but numbers are wanted"),
        (step("zfbs", returns=lambda loss, again: 0.5), "not the loss of the batch"),
        (lambda *arguments: step("zfbs", returns=late(KEPT))(*arguments), "the loss of the wrong step"),
        (own_update, "the optimiser that the function is given is not used"),
    ],
    "2.2": [
        (spoilt_accuracy(finish=lambda r, n: np.mean(np.divide(r, n))), "averages the batches"),
        (spoilt_accuracy(switch=False), "model.eval() is missing"),
        (spoilt_accuracy(finish=lambda r, n: r[-1] / n[-1]), "the last batch alone"),
        (spoilt_accuracy(finish=lambda r, n: sum(r) / len(r)), "the number of batches"),
        (spoilt_accuracy(finish=lambda r, n: sum(r)), "divide by the number of images"),
        (spoilt_accuracy(finish=lambda r, n: sum(r) / len(r) / n[0]), "counts the last batch as full"),
        (spoilt_accuracy(finish=lambda r, n: 100 * sum(r) / sum(n)), "in percent"),
        (spoilt_accuracy(finish=lambda r, n: 1 - sum(r) / sum(n)), "images that are wrong"),
        (spoilt_accuracy(graph=True), "records a graph"),
        (by_evaluate, "the library's own does not count"),
        (evaluate, "the library's own does not count"),
        (spoilt_accuracy(finish=lambda r, n: np.divide(r, n)), "one number is wanted"),
    ],
    "2.3": [
        (lambda matrix: matrix.diagonal() / matrix.sum(0), "the sums of the columns"),
        (lambda matrix: matrix.diagonal(), "numbers of images"),
        (lambda matrix: matrix.diagonal() / matrix.sum(), "divides by all images:"),
        (lambda matrix: 100 * matrix.diagonal() / matrix.sum(1), "in percent"),
        (lambda matrix: matrix.diagonal().sum() / matrix.sum(), "the shape (), but (10,)"),
        (lambda matrix: matrix / matrix.sum(1, keepdims=True), "the shape (10, 10)"),
        (lambda matrix: 1 - matrix.diagonal() / matrix.sum(1), "shares that are wrong"),
        (lambda matrix: np.array([matrix[label, label] / matrix[label].sum() for label in range(10)]), "IndexError"),
    ],
    "2.4": [
        (lambda correct, size: batches_of(correct, size).std() / 100, "percentage points are 100 times"),
        (lambda correct, size: batches_of(correct, size).var(ddof=1), "the variance"),
        (lambda correct, size: 100 * (correct.mean() * (1 - correct.mean()) / size) ** 0.5, "what theory gives"),
        (
            lambda correct, size: 100 * correct.ravel()[: correct.size // size * size].reshape(-1, size).mean(1).std(),
            "images of two seeds",
        ),
        (lambda correct, size: 100 * correct.reshape(-1, size).mean(1).std(), "cannot reshape"),
        (lambda correct, size: batches_of(correct, size).mean(), "the mean of the batches"),
        (seed_by_seed, "one spread per seed"),
        (with_the_last_batch, "which are not full"),
        (lambda correct, size: 100 * correct.std(), "single images"),
        (lambda correct, size: 100 * correct.mean(1).std(), "between seeds"),
        (batches_of, "but one number is wanted"),
    ],
    "2.5": [
        (t_interval(root=lambda n: 1), "spread of single runs"),
        (t_interval(root=lambda n: 1, factor=lambda n: 1), "spread of single runs"),
        (t_interval(root=lambda n: 1, factor=lambda n: 2), "spread of single runs"),
        (t_interval(factor=lambda n: 1), "the factor t is missing"),
        (t_interval(factor=lambda n: 1.96), "right for very many seeds"),
        (t_interval(factor=lambda n: 2), "right for very many seeds"),
        (t_interval(factor=lambda n: stats.t.ppf(0.95, n - 1)), "2.5 % on each side"),
        (t_interval(factor=lambda n: stats.t.ppf(0.975, n)), "degrees of freedom"),
        (t_interval(factor=lambda n: 2.776), "but t is that of 5"),
        (t_interval(spread=np.std), "divides by n - 1"),
        (t_interval(spread=lambda d: np.var(d, ddof=1)), "the variance"),
        (t_interval(root=lambda n: n), "divided by the root of n"),
        (t_interval(root=lambda n: (n - 1) ** 0.5), "the root of n - 1"),
        (t_interval(middle=np.median), "the median"),
        (t_interval(middle=lambda d: 0), "The mean is missing"),
        (lambda ours, theirs: by_scipy(theirs, ours), "The sign is turned round"),
        (lambda ours, theirs: by_scipy(ours, theirs)[::-1], "the lower one first"),
        (lambda ours, theirs: stats.ttest_ind(ours, theirs).confidence_interval(), "not paired"),
        (lambda ours, theirs: stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(), "not paired"),
        (lambda ours, theirs: np.quantile(ours - theirs, [0.025, 0.975]), "quantiles of single runs"),
        (lambda ours, theirs: ((ours - theirs).min(), (ours - theirs).max()), "the smallest and the largest"),
        (lambda ours, theirs: ((ours - theirs).mean(), np.ptp(by_scipy(ours, theirs)) / 2), "half the width"),
        (lambda ours, theirs: (ours - theirs).mean(), "two numbers are wanted"),
        (lambda ours, theirs: ours - theirs, "two numbers are wanted"),
        (lambda ours, theirs: (0.0, 1.0), "the interval goes from"),
        (by_compare, "the library's own does not count"),
        (lambda ours, theirs: uncertainty.interval(ours - theirs), "the library's own does not count"),
    ],
    "2.6": [
        (by_fit, "the library's own does not count"),
        (spoilt_training(shuffle=lambda count, epoch: torch.arange(count)), "are not shuffled"),
        (spoilt_training(shuffle=lambda count, epoch: torch.arange(count).flip(0)), "shuffled once"),
        (spoilt_training(shuffle=reseeded), "shuffled once"),
        (spoilt_training(shuffle=lambda count, epoch: torch.randint(count, (count,))), "come twice"),
        (spoilt_training(batch=lambda size: 64), "the batch size is"),
        (spoilt_training(batch=lambda size: 2), "Some batches have 2 images"),
        (spoilt_training(batch=lambda size: 1), "Some batches have 1 images"),
        (spoilt_training(clear=False), "zero_grad() is missing"),
        (spoilt_training(renew="step"), "A new optimiser is made for each step"),
        (spoilt_training(renew="epoch"), "A new optimiser is made again and again"),
        (spoilt_training(lr=lambda lr: 0.01), "the function is given lr = 0.03"),
        (spoilt_training(lr=lambda lr: 1e-4), "the function is given lr = 0.03"),
        (spoilt_training(epochs=lambda epochs: 2 * epochs), "but the network is trained on"),
        (shuffled_batches, "shuffle images, not batches"),
        (another_network, "another one than the function was given"),
        (on_splits("test"), "Test data in training"),
        (on_splits("train", "test"), "Test data in training"),
        (on_splits("train", "validation", "test"), "Test data in training"),
        (on_splits("train", "validation"), "Validation data in training"),
        (lambda model, dataset, *settings: model, "not trained"),
        (the_copy_from_before, "as it did before the training"),
        (stops_after(1), "one batch only"),
        (one_batch_an_epoch, "Every epoch has one batch only"),
        (lambda model, dataset, epochs, *rest: by_indexing(model, dataset, 1, *rest), "one epoch only"),
        (stops_after(20), "but the network is trained on"),
        (with_mixed_labels, "keep its own label"),
        (
            lambda model, dataset, epochs, size, lr: by_indexing(model, dataset, epochs, 60, lr / 100),
            "the batch size is",
        ),
        (lambda *arguments: by_indexing(*arguments) and None, "returns None"),
        (lambda *arguments: fit(*arguments[:2], TrainConfig(epochs=1)), "the trained network is wanted"),
    ],
}
KEPT = []
