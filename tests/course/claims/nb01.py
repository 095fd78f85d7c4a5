import math

from claims import Claim

CLAIMS = [
    Claim("NumPy's decimals are `float64`, PyTorch's are `float32`.", None),
    Claim("`float64` matters here.", None),
    Claim(
        "A training loss that levels off near 1.46 with ten classes",
        lambda _: round(math.log(math.e + 9) - 1, 2) == 1.46,
    ),
    Claim(
        "at the same loss, about 0.0044, and it is not 0",
        lambda results: 0.00435 < results.number("polynomial_mse") < 0.00445,
    ),
]
