"""From a notebook's run to the report: figures, tables and numbers with their provenance, plots, and the document.

`Run` collects what one notebook makes; `plots` draws; profiles say how much work a run does.
"""

from typing import TYPE_CHECKING

from labkit.basics.faces import late

if TYPE_CHECKING:
    from labkit.report.profiles import get_profile
    from labkit.report.run import Run
else:
    __getattr__, __dir__, __all__ = late(__name__)
