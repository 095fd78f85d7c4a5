"""Figures: Axes in, Axes out, never `show()`.

Colours are told apart by colour-blind readers and never carry meaning alone: lines differ in their markers too.
"""

from typing import TYPE_CHECKING

from labkit.basics.faces import late

if TYPE_CHECKING:
    from labkit.report.plots.convolution import (
        convolution_drawing,
        error_rows,
        feature_maps,
        filter_rows,
        loss_and_accuracy,
        moved_accuracy,
    )
    from labkit.report.plots.costs import error_against_latency
    from labkit.report.plots.curves import (
        accuracy_by_width,
        cost_lines,
        guessing_line,
        learning_curves,
        rate_curve,
        reference_line,
        reference_lines,
        spread_line,
        spread_lines,
    )
    from labkit.report.plots.designs import architectures, design_effects, epoch_panels, signal_lines
    from labkit.report.plots.galleries import image_grid, images_with_labels
    from labkit.report.plots.recipes import (
        epoch_curves,
        errors_by_place,
        map_against_best,
        split_panels,
        step_lines,
        step_panels,
        two_splits,
    )
    from labkit.report.plots.scratch_figures import activation_curves, cost_panels, errors_beside_reported, scale_panels
    from labkit.report.plots.spreads import batches_of, confusion, interval_dots, repeated_intervals, two_questions
    from labkit.report.plots.style import MARKERS, use_style
    from labkit.report.plots.tour import answer_grid, class_means, computation_graph, curve_fits
else:
    __getattr__, __dir__, __all__ = late(__name__)
