"""Rooms: each imports only from those below it, and no file is too long to read."""

import pytest
from project import PACKAGE_FOLDER, ROOT, SOURCES

from analysis_by_synthesis.pipeline.code import PACKAGE

ROOMS = (  # from top to bottom; those of a line don't import one another
    ("__main__",),
    ("cli",),
    ("audit", "workers"),
    ("reporting",),
    ("distal", "bounds"),
    ("calibration",),
    ("evaluation",),
    ("attacks",),
    ("models",),
    ("inference",),
    ("training",),
    ("networks",),
    ("data",),
    ("params",),
    ("cache", "distances", "pipeline"),
)
DEPTH = {room: depth for depth, line in enumerate(ROOMS) for room in line}
FILES = sorted(
    path for path in PACKAGE_FOLDER.rglob("*.py") if path.parent != PACKAGE_FOLDER or path.stem != "__init__"
)


def room(path):
    return path.relative_to(PACKAGE_FOLDER).parts[0].removesuffix(".py")


def imported_rooms(path):
    names = (name.split(".") for name in SOURCES.imports(path) if SOURCES.file(name))
    return {parts[1] for parts in names if parts[0] == PACKAGE and len(parts) > 1}


def test_every_file_is_in_a_room():
    assert {room(path) for path in FILES} == set(DEPTH)


@pytest.mark.parametrize("name", DEPTH)
def test_a_room_imports_only_from_below(name):
    for path in FILES:
        if room(path) == name:
            upwards = {other for other in imported_rooms(path) - {name} if DEPTH[other] <= DEPTH[name]}
            assert not upwards, f"{path.relative_to(ROOT)} imports from {upwards}"


def test_no_file_is_longer_than_900_lines():
    for folder in ("src", "stages", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 900, path
