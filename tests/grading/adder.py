"""Grade numbered notebooks of nobody into the database argv[1], argv[2] of them, and print each one that is kept."""

import sys
from pathlib import Path

from attempt_makers import HASH, attempt

from labkit.grading.records.store import AttemptStore


def numbered(number):
    """Return an attempt whose every text says its number, and which takes more than a page of the database."""
    return attempt(
        f"student {number:07}",
        remarks=(f"remark {number}." * 20,),
        numbers={f"n{i}": {"claimed": str(number), "found": str(number) * 50, "same": True} for i in range(20)},
    )


if __name__ == "__main__":
    print("ready", flush=True)
    with AttemptStore(Path(sys.argv[1])) as results:
        for number in range(int(sys.argv[2])):
            one = numbered(number)
            if not results.finished(one.submission, one.notebook, HASH, HASH[::-1], one.limits):
                results.add(one)
                print(number, flush=True)
