import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from torch import nn
from torch.nn import functional

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.machine import set_seed
from labkit.data.datasets import load
from labkit.models.networks import MLP, LeNet5
from labkit.training.config import OPTIMIZERS, TrainConfig
from labkit.training.loop import Evaluation, evaluate, fit, make_optimizer, make_schedule

QUICK = TrainConfig(epochs=1)


def trained(dataset, config=QUICK, seed=0, build=lambda: MLP((16,))):
    set_seed(seed)
    model = build()
    history = fit(model, dataset, replace(config, seed=seed))
    return torch.cat([value.flatten() for value in model.state_dict().values()]), history


def test_same_seed_same_network(tiny_digits):
    first, history = trained(tiny_digits)
    again, repeated = trained(tiny_digits)
    other, different = trained(tiny_digits, seed=1)
    assert torch.equal(first, again)
    assert history.epochs == repeated.epochs
    assert history.step_losses == repeated.step_losses
    assert not torch.equal(first, other)
    assert history.epochs != different.epochs


def test_order_of_batches_depends_on_the_config_alone(tiny_digits):
    losses = []
    for disturbance in (1, 2):
        set_seed(0)
        model = MLP((16,))
        set_seed(disturbance)
        losses.append(fit(model, tiny_digits, QUICK).step_losses)
    set_seed(0)
    losses.append(fit(MLP((16,)), tiny_digits, replace(QUICK, seed=1)).step_losses)
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("build", [lambda: MLP((300,)), LeNet5, lambda: LeNet5("historical")])
def test_loss_at_the_start_is_that_of_guessing(digits, build):
    result = evaluate(build(), digits)
    assert result.loss == pytest.approx(math.log(10), abs=0.25)
    assert result.accuracy < 0.35


def test_training_lowers_the_loss(tiny_digits):
    history = trained(tiny_digits, TrainConfig(epochs=10, lr=1e-2))[1]
    table = history.table()
    assert table["epoch"].tolist() == list(range(1, 11))
    assert table["train_loss"].iloc[-1] < 0.5 * table["train_loss"].iloc[0]
    assert table["validation_accuracy"].iloc[-1] > 0.5
    assert len(history.step_losses) == 10 * 4
    assert history.seconds > 0


@pytest.mark.parametrize("batch_size", [64, 199, 200, 1_000])
def test_history_weighs_images_not_batches(tiny_digits, batch_size):
    config = TrainConfig(epochs=1, batch_size=batch_size, optimizer="sgd", lr=1e-12)
    model = MLP((16,))
    row = fit(model, tiny_digits, config).epochs[0]
    exact = evaluate(model, tiny_digits, "train")
    assert row["train_loss"] == pytest.approx(exact.loss, rel=1e-5)
    assert row["train_accuracy"] == pytest.approx(exact.accuracy, abs=1e-7)


def test_mean_of_batch_means_would_differ(tiny_digits):
    history = fit(MLP((16,)), tiny_digits, TrainConfig(epochs=1, batch_size=64, optimizer="sgd", lr=1e-12))
    sizes = [64, 64, 64, 8]
    weighted = np.average(history.step_losses, weights=sizes)
    assert history.epochs[0]["train_loss"] == pytest.approx(weighted, rel=1e-6)
    assert abs(weighted - np.mean(history.step_losses)) > 1e-4


def test_evaluation_agrees_with_scikit_learn(tiny_digits):
    model = MLP((16,))
    fit(model, tiny_digits, QUICK)
    result = evaluate(model, tiny_digits)
    truth, predicted = result.labels.numpy(), result.predictions.numpy()
    assert result.n == 450
    assert result.accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert np.array_equal(result.confusion(), confusion_matrix(truth, predicted, labels=range(10)))
    probabilities = result.probabilities.double().numpy()
    exact = log_loss(truth, probabilities / probabilities.sum(1, keepdims=True))
    assert result.loss == pytest.approx(exact, rel=1e-5)
    assert torch.allclose(result.probabilities.sum(1), torch.ones(450), atol=1e-6)
    assert str(result) == f"test accuracy {result.accuracy:.2%} (n = 450)"


def test_confusion_keeps_classes_that_never_occur():
    result = Evaluation("test", torch.eye(4)[[0, 1, 1]], torch.tensor([0, 0, 1]), 0.0)
    assert result.confusion().tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert result.accuracy == pytest.approx(2 / 3)
    assert result.correct.tolist() == [True, False, True]


def test_the_classification_report_tells_precision_and_recall_of_each_class():
    result = Evaluation("test", torch.eye(3)[[0, 1, 1, 1]], torch.tensor([0, 0, 1, 1]), 0.0)
    rows = {line.split()[0]: line.split()[1:] for line in result.classification_report("abc").splitlines() if line}
    assert rows["a"] == ["1.00", "0.50", "0.67", "2"]
    assert rows["b"] == ["0.67", "1.00", "0.80", "2"]
    assert rows["c"] == ["0.00", "0.00", "0.00", "0"]


def test_evaluation_in_batches_is_that_of_the_whole(digits, monkeypatch):
    model = MLP((16,))
    whole = evaluate(model, digits)
    monkeypatch.setattr("labkit.training.loop.EVALUATION_BATCH", 7)
    parts = evaluate(model, digits)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)
    assert torch.allclose(parts.probabilities, whole.probabilities, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_keeps_the_mode_and_uses_no_dropout(tiny_digits, training):
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(784, 10)).train(training)
    first, second = evaluate(model, tiny_digits), evaluate(model, tiny_digits)
    assert model.training is training
    assert torch.equal(first.probabilities, second.probabilities)


def test_evaluate_refuses_an_unknown_split(tiny_digits):
    with pytest.raises(UsageError, match="Split 'val'"):
        evaluate(MLP(()), tiny_digits, "val")


class Pair(nn.Module):
    def forward(self, images):
        return images.flatten(1), images


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MLP((4,), num_classes=7), r"shape \(2, 7\), but 10 classes need \(2, 10\)"),
        (lambda: nn.Conv2d(1, 10, 28), r"shape \(2, 10, 1, 1\)"),
        (lambda: MLP((4,), image_shape=(3, 32, 32)), r"does not take images of shape \(2, 1, 28, 28\)"),
        (lambda: nn.Linear(784, 10), r"does not take images of shape"),
        (lambda: nn.Sequential(nn.Flatten(0), nn.Linear(1_568, 10)), r"shape \(10,\)"),
        (Pair, "one logit a class"),
        (lambda: nn.Sequential(MLP((4,)), nn.Softmax(1)), "ends in a softmax"),
    ],
)
def test_model_that_does_not_fit_the_data_is_told(tiny_digits, build, message):
    with pytest.raises(LabkitError, match=message):
        fit(build(), tiny_digits, QUICK)


def test_labels_that_are_decimals_are_told(tiny_digits):
    decimals = replace(tiny_digits, train=replace(tiny_digits.train, labels=tiny_digits.train.labels.float()))
    with pytest.raises(LabkitError, match=r"labels are decimals.* use labels\.long\(\)"):
        fit(MLP((4,)), decimals, QUICK)


@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.0, 0.0), (0.9, 0.01)])
def test_sgd_agrees_with_its_formula(tiny_digits, momentum, weight_decay):
    config = TrainConfig(2, 200, "sgd", lr=0.1, momentum=momentum, weight_decay=weight_decay, shuffle=False)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    weight, bias = (parameter.detach().clone() for parameter in model.parameters())
    fit(model, tiny_digits, config)
    images, labels = tiny_digits.train.images.flatten(1), tiny_digits.train.labels
    velocity = [torch.zeros_like(weight), torch.zeros_like(bias)]
    for _ in range(2):
        error = ((images @ weight.T + bias).softmax(1) - functional.one_hot(labels, 10)) / len(labels)
        for place, (parameter, gradient) in enumerate(
            zip((weight, bias), (error.T @ images, error.sum(0)), strict=True)
        ):
            velocity[place] = momentum * velocity[place] + gradient + weight_decay * parameter
            parameter -= 0.1 * velocity[place]
    assert torch.allclose(model[1].weight.cpu(), weight, atol=1e-6)
    assert torch.allclose(model[1].bias.cpu(), bias, atol=1e-6)


@pytest.mark.parametrize(("optimizer", "decayed"), [("adam", 1.0), ("adamw", 1 - 0.01 * 0.1)])
def test_first_step_of_adam_is_the_sign_of_the_gradient(optimizer, decayed):
    parameter = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    model = nn.ParameterList([parameter])
    weight_decay = 0.1 if optimizer == "adamw" else 0.0
    config = TrainConfig(optimizer=optimizer, lr=0.01, weight_decay=weight_decay)
    parameter.grad = torch.tensor([0.5, -4.0, 0.1])
    make_optimizer(model.parameters(), config).step()
    expected = decayed * torch.tensor([1.0, -2.0, 3.0]) - 0.01 * torch.tensor([1.0, -1.0, 1.0])
    assert torch.allclose(parameter.detach(), expected, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_schedules(tiny_digits, optimizer, schedule):
    config = TrainConfig(epochs=5, batch_size=64, optimizer=optimizer, schedule=schedule, lr=0.01)
    chosen = make_optimizer(MLP((4,)).parameters(), config)
    steps = make_schedule(chosen, config, 4)
    rates = []
    for _ in range(20):
        rates.append(chosen.param_groups[0]["lr"])
        chosen.step()
        steps.step() if len(rates) < 20 else None
    peak = rates.index(max(rates))
    assert max(rates) == pytest.approx(0.01)
    if schedule == "constant":
        assert min(rates) == max(rates)
    else:
        assert rates == sorted(rates[: peak + 1]) + sorted(rates[peak + 1 :], reverse=True)
        assert 0 < peak < 10
        assert rates[-1] < rates[0] < 0.001
    history = trained(tiny_digits, config)[1]
    assert history.epochs[-1]["train_loss"] < history.epochs[0]["train_loss"]


@pytest.mark.parametrize("epochs", [1, 2])
def test_one_cycle_of_very_few_steps(tiny_digits, epochs):
    config = TrainConfig(epochs=epochs, batch_size=1_000, schedule="one_cycle")
    assert np.isfinite(trained(tiny_digits, config)[1].step_losses).all()


def test_log_gets_a_line_an_epoch(tiny_digits):
    lines = []
    fit(MLP((4,)), tiny_digits, TrainConfig(epochs=2), log=lines.append)
    assert [line.split(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]


def test_without_a_validation_split_a_line_tells_the_loss_alone():
    lines = []
    whole = load("mnist", "embedded", validation=0, train_limit=100)
    model = MLP((4,))
    fit(model, whole, TrainConfig(epochs=1, batch_size=50), log=lines.append)
    assert re.search(r"epoch 1/1: train loss [\d.]+$", lines[-1])
    with pytest.raises(UsageError, match=r"load the data with a share for validation, such as validation=0\.1"):
        evaluate(model, whole, "validation")
