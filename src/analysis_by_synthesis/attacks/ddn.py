"""DDN (Rony et al., 2018), as Foolbox has it: the norm shrinks where the image is adversarial and grows where it is not."""

import foolbox

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.foolbox_model import run_foolbox
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.ddn import Settings


class Attack(base.Attack[Settings]):
    """Foolbox's DDNAttack."""

    def run(self, recorder: Recorder) -> None:
        settings = self.settings
        run_foolbox(
            foolbox.attacks.DDNAttack(init_epsilon=settings.init_epsilon, steps=settings.steps, gamma=settings.gamma),
            recorder,
        )
