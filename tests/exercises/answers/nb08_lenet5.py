import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import nn
from torch.nn import functional


def into_zeros(images):
    padded = torch.zeros(len(images), 1, 32, 32)
    padded[:, :, 2:-2, 2:-2] = images
    return padded


def parameters(channels, classes):
    return [(25 * channels + 1) * 6, (25 * 6 + 1) * 16, (25 * 16 + 1) * 120, 121 * 84, 85 * classes]


def parameters_by_pytorch(channels, classes):
    layers = [nn.Conv2d(channels, 6, 5), nn.Conv2d(6, 16, 5), nn.Linear(400, 120), nn.Linear(120, 84)]
    layers.append(nn.Linear(84, classes))
    return torch.tensor([sum(weights.numel() for weights in layer.parameters()) for layer in layers])


def changed(place, product):
    """The right list with another number at one place: `product` of channels and classes."""

    def count(channels, classes):
        counts = parameters(channels, classes)
        counts[place] = product(channels, classes)
        return counts

    return count


def paired(runs):
    table = runs.pivot(index="seed", columns="variant", values="test")
    return table["modern"] - table["historical"]


def paired_in_a_loop(runs):
    tests = {(seed, variant): test for seed, variant, test in runs.itertuples(index=False)}
    return [tests[seed, "modern"] - tests[seed, "historical"] for seed in sorted(runs["seed"].unique())]


def paired_by_sorting(runs):
    rows = runs.sort_values(["seed", "variant"])["test"].to_numpy().reshape(-1, 2)
    return torch.from_numpy(rows[:, 1] - rows[:, 0])


def of(runs, variant):
    return runs[runs["variant"] == variant]


def merged(runs):
    both = of(runs, "modern").merge(of(runs, "historical"), on="seed")
    return (both["test_x"] - both["test_y"]).to_numpy()


def surest(probabilities, truth, count):
    wrong = np.flatnonzero(probabilities.argmax(1) != truth)
    return wrong[np.argsort(-probabilities[wrong].max(1))][:count]


def surest_sorted(probabilities, truth, count):
    wrong = [index for index, row in enumerate(probabilities) if row.argmax() != truth[index]]
    return sorted(wrong, key=lambda index: probabilities[index].max(), reverse=True)[:count]


def surest_of_zeros(probabilities, truth, count):
    sure = np.where(probabilities.argmax(1) != truth, probabilities.max(1), 0)
    return np.argsort(-sure)[:count]


def places_among_wrong(probabilities, truth, count):
    wrong = probabilities[probabilities.argmax(1) != truth]
    return np.argsort(-wrong.max(1))[:count]


def least_probable_truth(probabilities, truth, count):
    wrong = np.flatnonzero(probabilities.argmax(1) != truth)
    return wrong[np.argsort(probabilities[wrong, truth[wrong]])][:count]


def largest_lead(probabilities, truth, count):
    wrong = np.flatnonzero(probabilities.argmax(1) != truth)
    sorted_by_class = np.sort(probabilities[wrong], axis=1)
    return wrong[np.argsort(sorted_by_class[:, -2] - sorted_by_class[:, -1])][:count]


RIGHT = {
    "8.1": [
        lambda images: functional.pad(images, (2, 2, 2, 2)),
        nn.ZeroPad2d(2),
        into_zeros,
        lambda images: np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2))),
    ],
    "8.2": [parameters, parameters_by_pytorch],
    "8.3": [
        paired,
        paired_in_a_loop,
        paired_by_sorting,
        lambda runs: runs.sort_values(["seed", "variant"]).groupby("seed")["test"].diff().dropna(),
    ],
    "8.4": [
        surest,
        surest_sorted,
        lambda *arguments: torch.from_numpy(surest(*arguments)),
        lambda *arguments: pd.Series(surest(*arguments)),
    ],
    "8.5": [
        lambda predictions, truth: int((predictions != truth).all(0).sum()),
        lambda predictions, truth: sum(
            all(column != right) for column, right in zip(predictions.T, truth, strict=True)
        ),
        lambda predictions, truth: torch.tensor(predictions != truth).all(dim=0).sum(),
        lambda predictions, truth: len(truth) - (predictions == truth).any(0).sum(),
        lambda predictions, truth: [float((predictions != truth).all(0).sum())][0],
    ],
}
WRONG = {
    "8.1": [
        (lambda images: functional.pad(images, (0, 4, 0, 4)), "half of them belong to the left and above"),
        (lambda images: functional.pad(images, (4, 0, 4, 0)), "half of them belong to the right and below"),
        (lambda images: functional.pad(images, (1, 1, 1, 1)), "two on each side"),
        (lambda images: functional.pad(images, (4, 4, 4, 4)), "two on each side"),
        (lambda images: functional.pad(images, (2, 2)), "left and right only"),
        (lambda images: functional.pad(images, (2, 2, 2, 2), value=1), "border around it is not 0"),
        (lambda images: functional.pad(images, (2, 2, 2, 2), mode="reflect"), "border around it is not 0"),
        (lambda images: functional.interpolate(images, (32, 32)), "stretched"),
        (lambda images: functional.interpolate(images, (32, 32), mode="bilinear"), "stretched"),
        (lambda images: functional.pad(images, (2, 2, 2, 2))[:, 0], "the shape (3, 32, 32), but (3, 1, 32, 32)"),
        (lambda images: functional.pad(images, (3, 1, 2, 2)), "in the middle"),
    ],
    "8.2": [
        (lambda channels, classes: sum(parameters(channels, classes)), "This is the sum"),
        (changed(1, lambda *_: 25 * 6 * 16), "C3 has not 2,400 parameters: the biases are missing"),
        (changed(1, lambda *_: (25 + 1) * 6 * 16), "not one for each map that goes in"),
        (changed(1, lambda *_: (25 + 1) * 16), "covers every map that goes in"),
        (changed(0, lambda *_: (25 + 1) * 6), "C1 has not 156 parameters: each filter covers every map"),
        (changed(2, lambda *_: 5 * 5 * 16 * 120), "C5 has not 48,000 parameters: the biases are missing"),
        (changed(2, lambda *_: (4 * 4 * 16 + 1) * 120), "since the image was padded"),
        (changed(3, lambda *_: 120 * 84 + 1), "F6 has not 10,081 parameters: one bias"),
        (changed(4, lambda *_: 850), "there are not always ten"),
        (changed(4, lambda *_: 7), "the output has not 7 parameters."),
        (lambda *sizes: parameters(*sizes)[:4], "4 entries, but 5 are wanted"),
        (changed(0, lambda *_: 25 * 6), "For 1 channel and 10 classes, C1 has not 150 parameters: the biases"),
        (changed(3, lambda *_: 120 * 85), "not for each number that goes in"),
    ],
    "8.3": [
        (lambda runs: -paired(runs), "the sign is turned round"),
        (
            lambda runs: of(runs, "modern")["test"].to_numpy() - of(runs, "historical")["test"].to_numpy(),
            "as they stand",
        ),
        (lambda runs: of(runs, "modern")["test"] - of(runs, "historical")["test"], "rows of the same index"),
        (lambda runs: paired(runs).mean(), "This is the mean"),
        (lambda runs: paired(runs).abs(), "not every sign"),
        (merged, "not in the order of the seeds"),
        (lambda runs: paired(runs) / 2, "not those of modern and historical"),
        (lambda runs: runs.groupby("seed")["test"].diff(), "as `diff` leaves it"),
        (lambda runs: runs.groupby("seed")["test"].diff().dropna(), "neither every sign nor the order"),
        (lambda runs: paired(runs).reset_index(), "a table or dictionary"),
        (lambda runs: paired(runs).to_dict(), "a table or dictionary"),
        (
            lambda runs: np.sort(of(runs, "modern")["test"]) - np.sort(of(runs, "historical")["test"]),
            "breaks the pairs",
        ),
        (lambda runs: paired(runs) / 100, "percentage points"),
        (lambda runs: paired(runs).iloc[0], "one difference for each seed"),
        (lambda runs: paired(runs).to_numpy()[:, None], "is wanted"),
    ],
    "8.4": [
        (places_among_wrong, "places among the wrong images"),
        (lambda probabilities, truth, count: np.argsort(-probabilities.max(1))[:count], "surest of all images"),
        (lambda probabilities, truth, count: surest(probabilities, truth, 99)[::-1][:count], "least sure"),
        (lambda probabilities, truth, count: surest(probabilities, truth, count)[::-1], "the surest is not first"),
        (least_probable_truth, "not that of the true class"),
        (lambda probabilities, truth, count: surest(probabilities, truth, 99), "all wrong images; the 3 surest"),
        (lambda probabilities, *_: np.sort(probabilities.max(1))[-3:], "indices of the images are wanted"),
        (surest_of_zeros, "the network gets right"),
        (largest_lead, "not its lead over the second class"),
        (lambda probabilities, truth, count: np.flatnonzero(probabilities.argmax(1) != truth)[:count], "the first of"),
        (lambda probabilities, truth, count: probabilities.argmax(1) != truth, "truth values"),
        (lambda probabilities, truth, count: surest(probabilities, truth, 3), "surest first"),
        (lambda *arguments: surest(*arguments)[:, None], "a list is wanted"),
    ],
    "8.5": [
        (lambda predictions, truth: (predictions != truth).any(0).sum(), "at least one run"),
        (
            lambda predictions, truth: ((predictions == predictions[0]).all(0) & (predictions[0] != truth)).sum(),
            "need not agree",
        ),
        (lambda predictions, truth: (predictions != truth).all(0).mean(), "the share"),
        (lambda predictions, truth: (predictions == truth).all(0).sum(), "every run gets right"),
        (lambda predictions, truth: (predictions != truth).sum(), "each error of each run"),
        (lambda predictions, truth: (predictions != truth).all(0), "the images themselves"),
        (lambda predictions, truth: np.flatnonzero((predictions != truth).all(0)), "the images themselves"),
        (lambda predictions, truth: (predictions != truth).all(1).sum(), "every run is wrong on"),
        (lambda predictions, truth: (predictions != truth)[:2].all(0).sum(), "first two runs alone"),
        (lambda predictions, truth: (predictions != truth)[[0, -1]].all(0).sum(), "the first and the last run alone"),
        (lambda predictions, truth: (predictions[0] != truth).sum(), "the first run alone"),
        (lambda predictions, truth: (predictions[-1] != truth).sum(), "the last run alone"),
        (lambda predictions, truth: ((predictions != truth).mean(0) > 0.5).sum(), "most runs get wrong"),
        (lambda predictions, truth: (stats.mode(predictions).mode != truth).sum(), "every run is wrong on"),
        (lambda predictions, truth: (predictions != truth).sum(1).min(), "the errors of the best run"),
        (lambda predictions, truth: (predictions != truth).sum(1).max(), "every run is wrong on"),
        (lambda predictions, truth: (predictions != truth).sum(1).mean(), "on average"),
        (
            lambda predictions, truth: ((predictions != truth).sum(0) >= len(predictions) - 1).sum(),
            "every run is wrong",
        ),
        (lambda predictions, truth: ((predictions != truth).sum(0) >= 3).sum(), "every run is wrong on"),
        (lambda predictions, truth: 27, "It returns 27"),
    ],
}
