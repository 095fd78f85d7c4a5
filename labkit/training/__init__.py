"""Training: the settings, the loop for one network, many small networks together, and sweeps over settings and seeds.

Results of sweeps are kept on disk, and every random draw comes from a seed.
"""

from typing import TYPE_CHECKING

from labkit.basics.faces import late

if TYPE_CHECKING:
    from labkit.basics.machine import get_device, set_seed, set_threads
    from labkit.training.config import TrainConfig
    from labkit.training.loop import evaluate, fit
    from labkit.training.moved import accuracy_when_moved
    from labkit.training.sweeps import sweep
else:
    __getattr__, __dir__, __all__ = late(__name__)
