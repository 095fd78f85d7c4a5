"""Read a batch in every way in which a TA may have it."""

import pytest
from platform_makers import as_folder, as_zip

from labkit.grading.intake.submissions import read_batch

COURSE = ("01_small", "02_small")


@pytest.fixture
def read_everywhere(tmp_path):
    """Read a download as a zip, unpacked, and both within a folder; return what it is, the same in each."""

    def read(entries, known=(), packed=True):
        as_folder(entries, tmp_path / "folder")
        as_folder(entries, tmp_path / "around" / "Lab 2 submissions")
        batches = [read_batch(tmp_path / place, COURSE, known) for place in ("folder", "around")]
        if packed:  # git clones are told by their hidden folder, which no zip lists
            for place, folder in (("one.zip", ""), ("two.zip", "Lab 2 submissions")):
                (tmp_path / place).write_bytes(as_zip(entries, folder))
                batches.append(read_batch(tmp_path / place, COURSE, known))
        for batch in batches:
            assert (batch.platform, batch.submissions) == (batches[0].platform, batches[0].submissions)
            assert batch.told[0] == batches[0].told[0]
        return batches[0]

    return read
