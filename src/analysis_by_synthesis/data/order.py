"""The one order in which all experiments take the test images: random, the same on every machine, and nested.

The first 100 of 200 images are those of 100. Attacks take images from the front, the calibration from the end.
"""

from hashlib import sha256

from analysis_by_synthesis.params.data import TEST_IMAGES


def in_order(seed: int, images: int = TEST_IMAGES) -> list[int]:
    """All test images, or so many of another data set, in the order of the hashes of seed and index: no library's generator is asked, which may change."""
    return sorted(range(images), key=lambda image: sha256(f"{seed}/{image}".encode()).digest())
