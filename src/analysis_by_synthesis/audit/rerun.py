"""Does an attack give the recorded distances when it is run again?"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.pipeline.paths import ATTACKS
from analysis_by_synthesis.reporting.records import Cell
from analysis_by_synthesis.scratch import link, run_stage

TOLERANCE = 0.01  # relative, of a distance: another CPU rounds differently
SHARE = 0.05  # of the samples that may differ by more


def check_rerun(name: str, cell: Cell, norm: str, samples: int) -> Verdict:
    """Run a cell again on the first samples, which were attacked together.

    Args:
        norm: of the attack.
    """
    samples = min(samples, cell.samples)
    verdict = Verdict(f"{name}: attacked again, {samples} samples")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        link(folder, {name: Path(name) for name in ("models", "data")})
        if failure := run_stage(folder, "attack.py", cell.model, cell.attack, cell.module, str(samples)):
            verdict.faults.append(f"{name}: {failure}")
            return verdict
        again = pd.read_csv(folder / ATTACKS / f"{name}.csv")[norm].to_numpy()
    recorded = pd.read_csv(ATTACKS / f"{name}.csv")[norm].to_numpy()[:samples]
    differs = ~np.isclose(again, recorded, rtol=TOLERANCE)
    if differs.mean() > SHARE:
        verdict.faults.append(f"{name}: {differs.sum()} of {samples} distances are not those that were recorded")
    return verdict
