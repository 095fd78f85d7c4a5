"""Numbers and tables as readers see them: rounded, with their spread, and networks side by side."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labkit.basics.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from labkit.report.run import Run


def summary_of(values: list[float], statistic: str, digits: int, name: str) -> dict[str, Any]:
    """Return the value, the spread where there is one, and the text of a number; `statistic` as in `Run.number`."""
    if not values:
        raise UsageError(f"Number {name!r} has no values.")
    if statistic == "exact" and len(values) == 1:
        return {"value": values[0], "text": f"{values[0]:,.{digits}f}"}
    if statistic == "mean ± sd" and len(values) > 1:
        mean, spread = statistics.fmean(values), statistics.stdev(values)
        return {"value": mean, "spread": spread, "text": f"{mean:,.{digits}f} ± {spread:,.{digits}f}"}
    if statistic == "share":
        return {"value": statistics.fmean(values), "text": f"{statistics.fmean(values):,.{digits}f}"}
    if statistic == "median [quartiles]" and len(values) > 1:
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        text = f"{middle:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}]"
        return {"value": middle, "spread": high - low, "text": text}
    raise UsageError(
        f"Number {name!r} has {len(values)} values for statistic {statistic!r}: 'mean ± sd' and 'median [quartiles]' "
        "need two or more, 'exact' needs one; 'share' takes any."
    )


def rounded_table(table: pd.DataFrame, formats: dict[str, str]) -> pd.DataFrame:
    """Return a table of texts, as readers see it."""
    import pandas as pd

    columns = {name: [_cell(value, formats.get(str(name))) for value in table[name]] for name in table.columns}
    return pd.DataFrame(columns)


def _cell(value: Any, form: str | None) -> str:
    if value is None or value != value:
        return "-"
    if form and not isinstance(value, str):
        return form.format(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
    return str(value)


def network_table(run: Run, networks: Mapping[str, tuple[str, pd.DataFrame, nn.Module]]) -> pd.DataFrame:
    """Keep the accuracy and the time of each network as numbers, and return a table with one row per network.

    networks: by name, a key for the numbers ("b2": b2_test, b2_seconds), the `runs` of its sweep, and the network.
    """
    import pandas as pd

    from labkit.models.layers import count_flops

    rows = []
    for name, (key, runs, model) in networks.items():
        seeds, seconds = runs["seed"].tolist(), runs["seconds"].tolist()
        test = (100 * runs["test_accuracy"]).tolist()
        print(f"{name}: {run.number(f'{key}_test', test, '%', 2, split='test', seeds=seeds)}")
        together = len(set(seconds)) == 1  # trained together, each has an equal share
        statistic = "share" if together else "mean ± sd"
        run.number(f"{key}_seconds", seconds, "s", 1, seeds=seeds, statistic=statistic)
        rows.append(
            {
                "network": name,
                "parameters": int(runs["parameters"].iloc[0]),
                "FLOPs": count_flops(model, run.dataset.image_shape),
                "accuracy": statistics.fmean(test),
                "sd": statistics.stdev(test),
                "training (s)": statistics.fmean(seconds),
                "seeds": len(seeds),
            }
        )
    return pd.DataFrame(rows)
