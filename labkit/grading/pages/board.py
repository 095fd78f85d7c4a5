"""The class board: whose own CNN of notebook 3 is the most accurate, and with how few parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from labkit.grading.pages.overview import Line

NOTEBOOK, EXERCISE, ACCURACY = "03_cifar_exploration", "3.4", "own_design_test"
COUNTED = re.compile(r"passed, with ([\d,]{1,12}) parameters and ([\d,]{1,14}) FLOPs", re.ASCII)  # by the judge
PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)(?: ± \d{1,3}(?:\.\d{1,6})?)? %.{0,100}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """One submission's own design. accuracy: in percent, as the results of the re-run say, which its own code wrote.

    parameters, flops: as the judge counted them. leads: whether no other design is at least as accurate with fewer
    parameters, or more accurate with as many.
    """

    line: Line
    accuracy: float
    parameters: int
    flops: int
    leads: bool


def board(class_lines: Iterable[Line]) -> list[Place]:
    """Return the designs that passed, the most accurate first, and of equal ones that with fewer parameters."""
    found = []
    for line in class_lines:
        attempt = line.attempts.get(NOTEBOOK)
        if attempt is None or EXERCISE not in attempt.verdicts:
            continue
        verdict, number = attempt.verdicts[EXERCISE], attempt.numbers.get(ACCURACY, {}).get("found")
        counted, percent = COUNTED.fullmatch(verdict["message"]), PERCENT.fullmatch(number or "")
        if verdict["status"] != "passed" or counted is None or percent is None or float(percent[1]) > 100:
            continue
        parameters, flops = (int(text.replace(",", "") or 0) for text in counted.groups())
        found.append((line, float(percent[1]), parameters, flops))
    found.sort(key=lambda one: (-one[1], one[2], one[0].row.submission))
    places, fewest = [], float("inf")
    best = float("inf")
    for line, accuracy, parameters, flops in found:
        leads = parameters < fewest or (parameters == fewest and accuracy == best)
        if parameters < fewest:
            fewest, best = parameters, accuracy
        places.append(Place(line, accuracy, parameters, flops, leads))
    return places
