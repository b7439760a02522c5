"""Write dvc.lock for results that were made by older code: `python -m analysis_by_synthesis.pipeline.migrate`.

Only while the code still moves: making everything again takes days. A run card keeps the fingerprints of the code that made
its result, and says "migrated"; the audit and the page count such results as made by older code. Nothing else writes a lock
without running the stage.
"""

import json
from pathlib import Path

from dvc.repo import Repo
from dvc.stage.serialize import to_single_stage_lockfile
from ruamel.yaml import YAML

from analysis_by_synthesis.pipeline.card import CARD_KEYS
from analysis_by_synthesis.pipeline.files import replacing, write_json
from analysis_by_synthesis.pipeline.stage import run

LOCK = Path("dvc.lock")


def main() -> None:
    yaml = YAML()
    lock = yaml.load(LOCK.read_text()) if LOCK.exists() else {"schema": "2.0", "stages": {}}
    migrated = []
    with Repo() as repo, repo.lock:
        for stage in repo.index.stages:
            card = _card([Path(out.def_path) for out in stage.outs])
            if card is None:
                continue
            stage.save()
            if lock["stages"].get(stage.name) == to_single_stage_lockfile(stage):
                continue
            content = json.loads(card.read_text())
            if not content["migrated"]:
                write_json(card, content | {"migrated": True})
                stage.save()
            lock["stages"][stage.name] = to_single_stage_lockfile(stage)
            migrated.append(stage.name)
        names = [stage.name for stage in repo.index.stages]
        lock["stages"] = {name: lock["stages"][name] for name in names if name in lock["stages"]}
    with replacing(LOCK) as partial:
        yaml.dump(lock, partial)
    print(f"{len(migrated)} stages were migrated, none was run")


def _card(outs: list[Path]) -> Path | None:
    """The run card among a stage's outputs, if all of them are here."""
    if not all(out.exists() for out in outs):
        return None
    for out in outs:
        if out.suffix == ".json" and json.loads(out.read_text()).keys() >= CARD_KEYS:
            return out
    return None


if __name__ == "__main__":
    run(main)
