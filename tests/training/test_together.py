"""Equality is the contract: every member of an ensemble equals the network trained alone."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.machine import set_seed
from labkit.data.datasets import Split, load
from labkit.models.networks import MLP, CifarNet, LeNet5, OneConvNet, count_parameters
from labkit.training.config import TrainConfig
from labkit.training.loop import evaluate, fit
from labkit.training.together import LARGEST_ENSEMBLE, Ensemble, Member, arrange, halved, signature

STEPS = 200
BASE = TrainConfig(epochs=4, batch_size=8, lr=0.001, optimizer="sgd", momentum=0.9)


@pytest.fixture(scope="module")
def doubles():
    """400 embedded digits in float64: 50 steps of 8 an epoch, the last of them smaller."""
    digits = load("mnist", "embedded", train_limit=397)

    def double(split):
        return Split(split.name, split.images.double(), split.labels)

    return replace(digits, train=double(digits.train), validation=double(digits.validation), test=double(digits.test))


def build(config, dtype=torch.float64, kind=MLP, **network):
    set_seed(config.seed)
    return kind(**network).to(dtype)


def members_of(settings, dtype=torch.float64):
    members = []
    for network, config in settings:
        model = build(config, dtype, **network)
        members.append(Member(model, config, torch.get_rng_state()))
    return members


def settings_of(config, seeds=(0, 1), widths=((5, 4), (9, 7)), **network):
    return [({"hidden_sizes": sizes, **network}, replace(config, seed=seed)) for sizes in widths for seed in seeds]


def alone(settings, dataset, dtype=torch.float64):
    models, histories = [], []
    for network, config in settings:
        model = build(config, dtype, **network)
        histories.append(fit(model, dataset, config))
        models.append(model)
    return models, histories


def assert_equal_to_alone(settings, dataset):
    members = members_of(settings)
    ensemble = Ensemble(members)
    histories = ensemble.fit(dataset)
    models, expected = alone(settings, dataset)
    evaluations = ensemble.evaluate(dataset, "test")
    for member, model, history, wanted, evaluation in zip(
        members, models, histories, expected, evaluations, strict=True
    ):
        assert len(history.step_losses) == len(wanted.step_losses) == STEPS
        for ours, theirs in zip(member.model.parameters(), model.parameters(), strict=True):
            assert (ours - theirs).abs().max() < 1e-9
        assert torch.tensor(history.step_losses) == pytest.approx(torch.tensor(wanted.step_losses), abs=1e-6)
        for ours, theirs in zip(history.epochs, wanted.epochs, strict=True):
            assert ours == pytest.approx(theirs, abs=1e-6)
        assert evaluation.split == "test"
        assert torch.allclose(evaluation.probabilities, evaluate(model, dataset, "test").probabilities, atol=1e-9)


# Every two values of two settings meet in one row: a setting that is wrong, or wrong beside another, fails there.
@pytest.mark.parametrize(
    ("activation", "layer_norm", "dropout"),
    [
        ("relu", False, 0.0),
        ("relu", True, 0.3),
        ("tanh", False, 0.3),
        ("tanh", True, 0.0),
        ("sigmoid", False, 0.3),
        ("sigmoid", True, 0.0),
    ],
)
def test_every_kind_of_network(doubles, activation, layer_norm, dropout):
    network = {"activation": activation, "layer_norm": layer_norm, "dropout": dropout}
    assert_equal_to_alone(settings_of(BASE, **network), doubles)


@pytest.mark.parametrize(
    ("optimizer", "schedule", "weight_decay", "shuffle"),
    [  # as above
        ("sgd", "constant", 0.0, True),
        ("sgd", "one_cycle", 0.01, False),
        ("adam", "constant", 0.01, True),
        ("adam", "one_cycle", 0.0, False),
        ("adamw", "constant", 0.0, False),
        ("adamw", "one_cycle", 0.01, True),
    ],
)
def test_every_optimiser_and_option(doubles, optimizer, schedule, weight_decay, shuffle):
    config = replace(BASE, optimizer=optimizer, schedule=schedule, weight_decay=weight_decay, shuffle=shuffle, lr=0.002)
    assert_equal_to_alone(settings_of(config), doubles)


@pytest.mark.parametrize("widths", [((6,), (6,)), ((3,), (30,), (11,)), ((4, 9, 2), (8, 1, 5))])
def test_one_to_three_layers_of_equal_and_unequal_widths(doubles, widths):
    assert_equal_to_alone(settings_of(BASE, widths=widths), doubles)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_learning_rate_weight_decay_and_dropout_may_differ_from_member_to_member(doubles, optimizer):
    base = replace(BASE, optimizer=optimizer)
    settings = [
        ({"hidden_sizes": sizes, "dropout": p}, replace(base, lr=lr, weight_decay=decay, seed=seed))
        for sizes, p, lr, decay in (((5, 4), 0.0, 0.001, 0.0), ((7, 3), 0.5, 0.002, 0.0), ((6, 6), 0.2, 0.001, 0.05))
        for seed in (3, 4)
    ]
    assert_equal_to_alone(settings, doubles)


@pytest.fixture(scope="module")
def colours():
    """196 embedded shapes in float64: 50 steps of 4 an epoch."""
    shapes = load("cifar10", "embedded", train_limit=222)
    parts = {
        name: Split(name, part.images[:198].double(), part.labels[:198])
        for name, part in (("train", shapes.train), ("validation", shapes.validation), ("test", shapes.test))
    }
    return replace(shapes, **parts)


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "optimizer"), [("historical", "sgd"), ("modern", "adam")])
def test_lenet5(doubles, optimizer, variant):
    config = replace(BASE, optimizer=optimizer, weight_decay=0.01)
    assert_equal_to_alone(
        [({"kind": LeNet5, "variant": variant}, replace(config, seed=seed)) for seed in (0, 1)], doubles
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "network", [{}, {"activation": "tanh", "depth": 9}, {"activation": "sigmoid", "feature_maps": (4, 5)}], ids=str
)
def test_cifar_net(colours, network):
    config = replace(BASE, batch_size=4, schedule="one_cycle")
    settings = [
        ({"kind": CifarNet, **network}, replace(config, lr=lr, seed=seed)) for lr, seed in ((1e-3, 0), (2e-3, 1))
    ]
    assert_equal_to_alone(settings, colours)


def chain(num_classes=10):
    return nn.Sequential(
        nn.Conv2d(3, 4, 5, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, padding="same", dilation=2),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 7 * 7, 12),
        nn.GELU(),
        nn.Linear(12, num_classes),
    )


@pytest.mark.slow
def test_a_chain_of_plain_layers(colours):
    config = replace(BASE, batch_size=4, optimizer="adam")
    assert signature(chain(), config) == signature(chain(), replace(config, seed=1)) != signature(CifarNet(), config)
    assert_equal_to_alone([({"kind": chain}, replace(config, seed=seed)) for seed in (0, 1)], colours)


SHARED = nn.ReLU()


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2d(3, 4, 5, bias=False), nn.Flatten(), nn.Linear(4 * 28 * 28, 10)],
        [nn.Conv2d(3, 3, 5, groups=3), nn.Flatten(), nn.Linear(3 * 28 * 28, 10)],
        [nn.Conv2d(3, 4, 5, padding=2, padding_mode="circular"), nn.Flatten(), nn.Linear(4 * 32 * 32, 10)],
        [nn.Conv2d(3, 4, 5), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 28 * 28, 10)],
        [nn.Conv2d(3, 4, 5), nn.Flatten(), nn.Dropout(), nn.Linear(4 * 28 * 28, 10)],
        [SHARED, nn.Conv2d(3, 4, 5), SHARED, nn.Flatten(), nn.Linear(4 * 28 * 28, 10)],
        [nn.Conv2d(3, 4, 5), nn.Flatten(2), nn.Flatten(), nn.Linear(4 * 28 * 28, 10)],
        [nn.Conv2d(3, 4, 28), nn.Flatten(0)],
        [nn.Flatten(), nn.Linear(3_072, 10)],
    ],
    ids=str,
)
def test_other_chains_train_alone(layers):
    assert signature(nn.Sequential(*layers), BASE) is None


def test_a_chain_of_another_number_of_classes_is_refused(colours):
    members = [Member(chain(12).double(), replace(BASE, seed=seed), torch.get_rng_state()) for seed in (0, 1)]
    with pytest.raises(LabkitError, match="10 classes need"):
        Ensemble(members).fit(colours)


def test_a_single_member(doubles):
    assert_equal_to_alone(settings_of(BASE, seeds=(5,), widths=((8,),)), doubles)


@pytest.mark.slow
def test_in_float32_accuracies_agree_within_the_spread_of_seeds():
    digits = load("mnist", "embedded")
    config = TrainConfig(epochs=6, batch_size=32, lr=3e-3, schedule="one_cycle")
    settings = settings_of(config, seeds=range(5), widths=((40,), (80,)))
    ensemble = Ensemble(members_of(settings, torch.float32))
    ensemble.fit(digits)
    together = torch.tensor([evaluation.accuracy for evaluation in ensemble.evaluate(digits)])
    apart = torch.tensor([evaluate(model, digits).accuracy for model in alone(settings, digits, torch.float32)[0]])
    for ours, theirs in zip(together.split(5), apart.split(5), strict=True):
        assert abs(ours.mean() - theirs.mean()) < theirs.std()


def test_what_cannot_share_an_ensemble_has_another_signature_or_none():
    same = signature(MLP((3,)), TrainConfig())
    assert same == signature(MLP((9,), dropout=0.5), TrainConfig(lr=1.0, weight_decay=0.1, seed=7))
    for model in (MLP((3, 3)), MLP((3,), "tanh"), MLP((3,), layer_norm=True), MLP((3,), num_classes=4)):
        assert signature(model, TrainConfig()) != same
    for config in (TrainConfig(epochs=9), TrainConfig(batch_size=9), TrainConfig(optimizer="sgd")):
        assert signature(MLP((3,)), config) != same
    assert signature(LeNet5(), TrainConfig()) == signature(LeNet5(), TrainConfig(lr=1.0, seed=3))
    assert signature(LeNet5(), TrainConfig()) != signature(LeNet5("historical"), TrainConfig())
    assert signature(LeNet5(), TrainConfig(batch_size=128)) is None
    assert signature(OneConvNet(), TrainConfig()) is None
    assert signature(MLP(()), TrainConfig()) is None


def places(settings):
    return arrange(members_of(settings, torch.float32))


def test_networks_of_one_kind_are_trained_together_seed_by_seed():
    widths = settings_of(BASE, seeds=(3, 4), widths=((5,), (6,)))  # width by width
    assert places(widths) == [[0, 2, 1, 3]]
    deeper = settings_of(BASE, seeds=(3, 4), widths=((5, 5),))
    assert places(widths + deeper) == [[0, 2, 1, 3], [4, 5]]


def test_large_networks_and_convolutions_train_alone():
    assert places(settings_of(BASE, widths=((600,), (5,)))) == [[0], [1], [2, 3]]
    convolutions = [Member(OneConvNet(), replace(BASE, seed=seed), torch.get_rng_state()) for seed in range(2)]
    assert arrange(convolutions) == [[0], [1]]


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [7]), (64, [5, 2]), (65, [1] * 7)])
def test_small_cnns_are_trained_together_while_a_step_has_few_images(batch_size, sizes):
    config = replace(BASE, batch_size=batch_size)
    members = [Member(LeNet5(), replace(config, seed=seed), torch.get_rng_state()) for seed in range(7)]
    assert [len(group) for group in arrange(members)] == sizes


def test_few_groups_are_cut_between_seeds_so_that_two_processes_share_them():
    members = members_of(settings_of(BASE, seeds=(3, 4, 5), widths=((5,), (6,))), torch.float32)
    assert halved(arrange(members), members) == [[0, 3, 1, 4], [2, 5]]
    assert halved([[0, 3], [1, 4, 2, 5]], members) == [[0, 3], [1, 4], [2, 5]]
    many = [[0], [1, 2], [3], [4, 5]]
    assert halved(many, members) == many


@pytest.mark.parametrize("widths", [[30], [300], [300, 400], range(30, 500, 30)])
def test_no_ensemble_outgrows_the_caches(widths):
    settings = settings_of(BASE, seeds=range(10), widths=[(width,) for width in widths])
    members = members_of(settings, torch.float32)
    groups = arrange(members)
    assert sorted(place for group in groups for place in group) == list(range(len(members)))
    for group in groups:
        assert sum(count_parameters(members[place].model) for place in group) <= LARGEST_ENSEMBLE
        Ensemble([members[place] for place in group])
    assert len(groups) <= 2 * sum(count_parameters(member.model) for member in members) / LARGEST_ENSEMBLE + 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([({"hidden_sizes": (3,)}, BASE), ({"hidden_sizes": (3, 3)}, BASE)], "same kind"),
        ([({"hidden_sizes": (3,)}, BASE), ({"hidden_sizes": (4,)}, replace(BASE, seed=1))], "same widths"),
    ],
)
def test_misuse_is_told(settings, message):
    with pytest.raises(UsageError, match=message):
        Ensemble(members_of(settings))
