"""From a notebook's run to the report: figures, tables and numbers with their provenance, plots, and the document.

`begin` begins a notebook and its `Run` collects what it makes; `plots` draws; profiles say how much work a run does.
"""

from typing import TYPE_CHECKING

from labkit.basics.faces import late

if TYPE_CHECKING:
    from labkit.report.profiles import get_profile
    from labkit.report.run import Run, begin
    from labkit.report.summaries import network_table
    from labkit.report.uncertainty import compare, compare_all, last_batch, mcnemar
else:
    __getattr__, __dir__, __all__ = late(__name__)
