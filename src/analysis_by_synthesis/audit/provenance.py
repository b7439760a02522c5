"""Which results were made by the present code, and which by older code?"""

from pathlib import Path
from typing import Any

from analysis_by_synthesis.audit.stages import Stage
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import OLDER, PRESENT, made_by


def check_provenance(project: Project, stages: dict[str, Stage], code: dict[str, dict[str, str]]) -> Verdict:
    """Run cards against code.json and dvc.lock.

    A result whose card names other code than dvc.lock was committed without being made again.

    Args:
        code: code.json.
    """
    verdict, required = Verdict(""), _required(project.requirements)
    by: dict[str, list[str]] = {PRESENT: [], OLDER: []}
    for name, stage in stages.items():
        card = stage.card
        if card is None:
            continue
        by[made_by(card, code)].append(name)
        own = card["code"].items()  # a stage declares what all of its attacks need, and may be given fewer of them
        if not (own and own <= stage.code.items()):
            verdict.faults.append(
                f"{name}: dvc.lock says that it was made by the present code, its run card by other code"
            )
        if differing := [f"{library} {version}" for library, version in _other(card, required)]:
            verdict.notes.append(
                f"{name}: made with {', '.join(differing)}, which are not those of {project.requirements.name}"
            )
    made = sum(map(len, by.values()))
    verdict.checked = (
        f"{made} results: {len(by[PRESENT])} were made by the present code, {len(by[OLDER])} by older code"
    )
    if by[OLDER]:
        verdict.notes.append(f"made by {OLDER}: {_listed(by[OLDER])}")
    return verdict


def _required(requirements: Path) -> dict[str, str]:
    pins = (line.split(";")[0].split("==") for line in requirements.read_text().splitlines() if "==" in line)
    return {name.strip().lower(): version.strip() for name, version in pins}


def _other(card: dict[str, Any], required: dict[str, str]) -> list[tuple[str, str]]:
    """The libraries of a card whose versions are not the required ones; "+cpu" and the like don't count."""
    return [
        (name, version)
        for name, version in card["versions"].items()
        if name in required and version.split("+")[0] != required[name].split("+")[0]
    ]


def _listed(names: list[str]) -> str:
    """The names, those of one group together."""
    groups: dict[str, list[str]] = {}
    for name in names:
        group, _, item = name.partition("@")
        groups.setdefault(group, []).append(item)
    return "; ".join(f"{group} {', '.join(filter(None, items))}".strip() for group, items in groups.items())
