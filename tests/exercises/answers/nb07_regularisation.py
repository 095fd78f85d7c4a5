import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import dropout as imported_dropout
from torch import layer_norm as imported_layer_norm
from torch import nn
from torch.nn import functional


def dropout(values, p):
    return values * (torch.rand_like(values) >= p) / (1 - p)


def dropout_in_place(values, p):
    values[torch.rand(values.shape) < p] = 0
    values /= 1 - p
    return values


def always_as_many(values, p):
    order = torch.randperm(values.numel()).reshape(values.shape)
    return values * (order >= round(p * values.numel())) / (1 - p)


def with_a_seed(values, p):
    torch.manual_seed(3)
    return dropout(values, p)


def layer_norm(values, correction=0, dim=1, inside=1e-5, outside=0.0):
    centred = values - values.mean(dim, keepdim=True)
    return centred / ((values.var(dim, correction=correction, keepdim=True) + inside).sqrt() + outside)


def layer_norm_by_rows(values):
    rows = []
    for row in values.tolist():
        mean = sum(row) / len(row)
        variance = sum((value - mean) ** 2 for value in row) / len(row)
        rows.append([(value - mean) / (variance + 1e-5) ** 0.5 for value in row])
    return rows


def gains_of(runs, decay):
    table = runs.pivot(index="seed", columns="weight_decay", values="test")
    return (table[decay] - table[0.0]).to_numpy()


def tell(gains, limit):
    return "cannot tell" if abs(gains.mean()) <= limit else "better" if gains.mean() > 0 else "worse"


def decay_pays(runs, decay):
    gains = gains_of(runs, decay)
    return gains, tell(gains, gains.std(ddof=1))


def decay_pays_by_hand(runs, decay):
    tests = {(row.seed, row.weight_decay): row.test for row in runs.itertuples()}
    gains = [tests[seed, decay] - tests[seed, 0.0] for seed in sorted(set(runs["seed"]))]
    mean = sum(gains) / len(gains)
    spread = (sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)) ** 0.5
    return [gains, "Better" if mean > spread else "Worse" if mean < -spread else "Cannot tell"]


def column(runs, decay):
    return runs[runs["weight_decay"] == decay]["test"]


def unpaired(runs, decay):
    return gains_of(runs, decay), tell(gains_of(runs, decay), column(runs, decay).std())


def with_gains(runs, decay, change):
    gains = change(gains_of(runs, decay))
    return gains, tell(gains, gains.std(ddof=1))


OWN = "the library's own does not count"


def by_rule(clear):
    """Right gains, with a rule of one's own."""

    def rule(runs, decay):
        gains = gains_of(runs, decay)
        return gains, "cannot tell" if not clear(gains) else "better" if gains.mean() > 0 else "worse"

    return rule


RIGHT = {
    "7.1": [
        dropout,
        dropout_in_place,
        lambda values, p: values * torch.bernoulli(torch.full_like(values, 1 - p)) / (1 - p),
        lambda values, p: np.where(np.random.rand(*values.shape) < p, 0, values / (1 - p)),  # noqa: NPY002
        lambda values, p: [dropout(row, p) for row in values],
    ],
    "7.2": [layer_norm, layer_norm_by_rows, lambda values: layer_norm(values.clone())],
    "7.3": [
        lambda neurons, p: (neurons * (1 - p), p**neurons),
        lambda neurons, p: [round(neurons - neurons * p, 3), round(float(np.prod(np.full(neurons, p))), 3)],
    ],
    "7.4": [
        decay_pays,
        decay_pays_by_hand,
        lambda runs, decay: (
            pd.Series(gains_of(runs, decay), index=range(7, 7 + len(gains_of(runs, decay)))),
            decay_pays(runs, decay)[1],
        ),
    ],
}
WRONG = {
    "7.1": [
        (lambda values, p: functional.dropout(values, p), "the library's own does not count"),
        (lambda values, p: nn.Dropout(p)(values), "the library's own does not count"),
        (lambda values, p: values * (torch.rand_like(values) >= p), "not scaled"),
        (lambda values, p: values * (torch.rand_like(values) < p) / (1 - p), "not to keep it"),
        (lambda values, p: values * (torch.rand_like(values) < p) / p, "not to keep it"),
        (lambda values, p: values * (torch.rand_like(values) >= p) * p, "are multiplied by p"),
        (lambda values, p: values * (torch.rand_like(values) >= p) * (1 - p), "are multiplied by 1 - p"),
        (lambda values, p: values * (torch.rand(len(values), 1) >= p) / (1 - p), "Whole rows or columns"),
        (lambda values, p: values * (torch.rand(values.shape[1]) >= p) / (1 - p), "Whole rows or columns"),
        (lambda values, p: values * (torch.randn_like(values) >= p) / (1 - p), "drops a share of"),
        (lambda values, p: dropout(values[0], p), "is wanted"),
        (with_a_seed, "Two calls drop the same entries"),
        (always_as_many, "always drops the same number"),
        (lambda values, p: torch.native_dropout(values, p, True)[0], "the library's own does not count"),
        (lambda values, p: torch.feature_dropout(values, p, True), "the library's own does not count"),
        (lambda values, p: torch.ops.aten.dropout(values, p, True), "the library's own does not count"),
        (lambda values, p: torch.ops.aten.native_dropout.default(values, p, True)[0], "the library's own does not"),
        (lambda values, p: imported_dropout(values, p, True), "the library's own does not count"),
        (functional.dropout, "the library's own does not count"),
        (lambda values, p: values * (values >= p) / (1 - p), "drops a share of"),
        (lambda values, p: values * (torch.rand(1) >= p) / (1 - p), "drops a share of"),
        (lambda values, p: values * (torch.rand_like(values) >= 0.5) / 0.5, "drops a share of"),
        (lambda values, p: dropout(values, p) * 1.01, "not 1 / (1 - p) times"),
    ],
    "7.2": [
        (lambda values: nn.LayerNorm(values.shape[1])(values), "the library's own does not count"),
        (lambda values: functional.layer_norm(values, values.shape[1:]), "the library's own does not count"),
        (lambda values: layer_norm(values, correction=1), "divide by n, not n - 1"),
        (lambda values: layer_norm(values, dim=0), "over the images"),
        (lambda values: layer_norm(values, inside=0), "1e-5 is missing"),
        (lambda values: layer_norm(values, inside=0, outside=1e-5), "before the root"),
        (lambda values: layer_norm(values, inside=1e-3), "very small numbers"),
        (lambda values: values - values.mean(1, keepdim=True), "not divided by"),
        (lambda values: (values - values.mean()) / values.std(correction=0), "for the whole batch"),
        (lambda values: values - values.mean(1), "must match the size"),
        (lambda values: torch.where(values.var(1, keepdim=True) > 0, layer_norm(values), torch.nan), "gives NaN"),
        (lambda values: torch.ops.aten.native_layer_norm.default(values, [values.shape[1]], None, None, 1e-5)[0], OWN),
        (lambda values: imported_layer_norm(values, values.shape[1:]), OWN),
        (lambda values: nn.GroupNorm(1, values.shape[1])(values), OWN),
        (lambda values: nn.InstanceNorm1d(1)(values[:, None])[:, 0], OWN),
        (lambda values: values / (values.square().mean(1, keepdim=True) + 1e-5).sqrt(), "is not subtracted"),
        (lambda values: functional.normalize(values - values.mean(1, keepdim=True)), "divide the sum of squares by n"),
        (lambda values: layer_norm(values, inside=1e-6), "very small numbers"),
        (lambda values: layer_norm(values, correction=0)[0], "is wanted"),
    ],
    "7.3": [
        (lambda neurons, p: (neurons * p, (1 - p) ** neurons), "not that it survives"),
        (lambda neurons, p: (neurons * (1 - p), 1 - p**neurons), "at least one survives"),
        (lambda neurons, p: (neurons * (1 - p), (1 - p) ** neurons), "that all survive"),
        (lambda neurons, p: (neurons * p, p**neurons), "neurons that are dropped"),
        (lambda neurons, p: (p**neurons, neurons * (1 - p)), "in the other order"),
        (lambda neurons, p: neurons * (1 - p), "two numbers are wanted"),
        (lambda neurons, p: (2.0, 0.078), "is not right"),
        (lambda neurons, p: (round(neurons * (1 - p)), p**neurons), "need not be a whole number"),
        (lambda neurons, p: (neurons * (1 - p), p**5), "five neurons, whatever"),
        (lambda neurons, p: (5 * (1 - p), p**5), "five neurons, whatever"),
        (lambda neurons, p: (neurons * (1 - p), p ** (neurons - 1)), "Each neuron has its factor p"),
        (lambda neurons, p: (neurons * (1 - p), p * neurons), "multiplied, not added"),
        (lambda neurons, p: (neurons * (1 - p), 100 * p**neurons), "in percent"),
        (lambda neurons, p: (neurons * (1 - p), round(p**neurons, 2)), "leave all its digits"),
        (lambda neurons, p: (torch.tensor([neurons * (1 - p)]), torch.tensor([p**neurons])), "is wanted"),
    ],
    "7.4": [
        (unpaired, "not that of each network"),
        (
            lambda runs, decay: (gains_of(runs, decay), tell(gains_of(runs, decay), gains_of(runs, decay).std())),
            "n - 1",
        ),
        (lambda runs, decay: with_gains(runs, decay, np.negative), "wrong sign"),
        (lambda runs, decay: with_gains(runs, decay, np.abs), "lost their sign"),
        (lambda runs, decay: with_gains(runs, decay, lambda gains: gains[::-1]), "not in the order of the seeds"),
        (
            lambda runs, decay: (
                gains_of(runs, decay),
                "better" if decay_pays(runs, decay)[1] == "better" else "worse",
            ),
            "the verdict cannot be 'worse'",
        ),
        (
            lambda runs, decay: (gains_of(runs, decay), decay_pays(runs, decay)[1].replace("worse", "cannot tell")),
            "below 0 counts",
        ),
        (
            lambda runs, decay: (column(runs, decay).to_numpy() - column(runs, 0.0).to_numpy(), "better"),
            "pair runs of the same seed",
        ),
        (lambda runs, decay: (column(runs, decay) - column(runs, 0.0), "better"), "not of the same seed"),
        (lambda runs, decay: decay_pays(runs, 1e-3), "whatever `decay` says"),
        (lambda runs, decay: (gains_of(runs, decay), "yes"), "is none of"),
        (lambda runs, decay: (gains_of(runs, decay).mean(), "better"), "not their mean"),
        (lambda runs, decay: decay_pays(runs, decay)[1], "but a list is wanted"),
        (by_rule(lambda gains: stats.ttest_1samp(gains, 0).pvalue < 0.05), "This is a t-test"),
        (by_rule(lambda gains: abs(gains.mean()) > gains.std(ddof=1) / len(gains) ** 0.5), "the root of n"),
        (by_rule(lambda gains: abs(gains.mean()) > 2 * gains.std(ddof=1)), "standard deviation, not 2"),
        (by_rule(lambda gains: abs(gains.mean()) > gains.var(ddof=1)), "The variance is there"),
        (by_rule(lambda gains: abs(np.median(gains)) > gains.std(ddof=1)), "this is the median"),
        (by_rule(lambda gains: abs(np.sign(gains).sum()) == len(gains)), "the same sign is another rule"),
        (by_rule(lambda gains: abs(gains.mean()) > 0.15), "the verdict cannot be"),
        (lambda runs, decay: with_gains(runs, decay, lambda gains: gains.round(2)), "leave all their digits"),
        (lambda runs, decay: decay_pays(runs, decay)[0], "holds two things: the gains"),
        (
            lambda runs, decay: (
                runs[runs["weight_decay"].isin([0, decay])].groupby("seed")["test"].diff().dropna(),
                "better",
            ),
            "not every sign",
        ),
    ],
}
