from claims import Claim

CLAIMS: list[Claim] = [
    Claim(
        "One accuracy for ten classes hides that some are recognised better than others.",
        lambda results: results.table("accuracy_by_class")["mean"].agg(["max", "min"]).diff().iloc[-1] < -2,
    ),
    Claim("more seeds make the thin whisker, one standard deviation, settle at the true spread", None),
    Claim("From a batch of four, an accuracy can only be 0, 25, 50, 75 or 100 %.", None),
]
