"""dvc.lock for results that were made by older code: the command `migrate`.

Only while the code still moves: making everything again takes days. A run card keeps the fingerprints of the code that made
its result, and says "migrated"; the audit and the page count such results as made by older code. Nothing else writes a lock
without running the stage.
"""

from pathlib import Path

from dvc.repo import Repo
from dvc.stage.serialize import to_single_stage_lockfile
from ruamel.yaml import YAML

from analysis_by_synthesis.pipeline.files import read_json, replacing, write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import read_card


def migrate(project: Project) -> list[str]:
    """Write dvc.lock as if all stages had run whose outputs are here, with a run card among them.

    Returns:
        the names of the stages whose entry is another one now.
    """
    yaml = YAML()
    lock = yaml.load(project.lock.read_text()) if project.lock.exists() else {"schema": "2.0", "stages": {}}
    migrated = []
    with Repo(str(project.root)) as repo, repo.lock:
        stages = [stage for stage in repo.index.stages if Path(stage.wdir) == project.root.resolve()]
        for stage in stages:
            card = _card([project.root / out.def_path for out in stage.outs])
            if card is None:
                continue
            stage.save()
            if lock["stages"].get(stage.name) == to_single_stage_lockfile(stage):
                continue
            content = read_json(card)
            if not content["migrated"]:
                write_json(card, content | {"migrated": True})
                stage.save()
            lock["stages"][stage.name] = to_single_stage_lockfile(stage)
            migrated.append(stage.name)
        names = [stage.name for stage in stages]
        lock["stages"] = {name: lock["stages"][name] for name in names if name in lock["stages"]}
    with replacing(project.lock) as partial:
        yaml.dump(lock, partial)
    return migrated


def _card(outs: list[Path]) -> Path | None:
    """The run card among a stage's outputs, if all of them are here."""
    if not all(out.exists() for out in outs):
        return None
    return next((out for out in outs if read_card(out)), None)
