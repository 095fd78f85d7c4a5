"""Images as tensors in memory: MNIST, CIFAR-10, own folders, and the embedded images that need no file.

It reads and downloads them, and lets a digit be drawn by hand.
"""

from typing import TYPE_CHECKING

from labkit.basics.faces import late

if TYPE_CHECKING:
    from labkit.data.datasets import Dataset, Split, load
    from labkit.data.drawing import draw_digit
else:
    __getattr__, __dir__, __all__ = late(__name__)
