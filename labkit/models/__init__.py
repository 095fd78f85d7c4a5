"""Every network of the course, and what it is made of and costs: layers, parameters, arithmetic, time, memory.

All networks return logits. `scratch` is the one that is written in NumPy alone.
"""

from typing import TYPE_CHECKING

from labkit.basics.faces import late

if TYPE_CHECKING:
    from labkit.models.layers import count_flops, draw_architecture, layer_table
    from labkit.models.networks import MLP, CifarNet, ConvNet, LeNet5, OneConvNet, count_parameters
    from labkit.models.profiling import cost_table, operator_table
else:
    __getattr__, __dir__, __all__ = late(__name__)
