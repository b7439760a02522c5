"""Attack libraries take the models as they are, and what they find is adversarial for the models themselves."""

import math
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from analysis_by_synthesis.data import mnist
from analysis_by_synthesis.models import load_model

foolbox = pytest.importorskip("foolbox")
torchattacks = pytest.importorskip("torchattacks", reason="needs requirements-clients.txt")
evasion = pytest.importorskip("art.attacks.evasion", reason="needs requirements-clients.txt")
from art.estimators.classification import BlackBoxClassifier, PyTorchClassifier  # noqa: E402

with pytest.MonkeyPatch.context() as patch:  # imported by adv-lib, for plots and for a distance that is not used here
    patch.setitem(sys.modules, "visdom", ModuleType("visdom"))
    patch.setitem(sys.modules, "torchvision", SimpleNamespace(models=None))
    adv_lib = pytest.importorskip("adv_lib.attacks", reason="needs requirements-clients.txt")
    from adv_lib.utils.attack_utils import run_attack

ROOT = Path(__file__).parents[1]
IMAGES = 3
ROUNDING = 1e-5  # of libraries that add a perturbation after they have clipped it
pytestmark = [pytest.mark.extras, pytest.mark.usefixtures("single_thread")]


@pytest.fixture(scope="module")
def test_set():
    images, labels = mnist.load("test", ROOT / "data" / "mnist")
    return images[:100], labels[:100]


@pytest.fixture(scope="module", params=["abs", "binary_cnn", "nearest_neighbor"])
def model(request):
    return load_model(request.param, ROOT / "models")


@pytest.fixture(scope="module")
def samples(model, test_set):
    """The images (3, 1, 28, 28) that are closest to being misclassified, and their labels (3,): few steps will do."""
    images, labels = test_set
    with torch.no_grad():
        logits = model(images)
    first, second = logits.topk(2).values.unbind(1)
    margin = torch.where(logits.argmax(1) == labels, first - second, math.inf)
    nearest = margin.topk(IMAGES, largest=False).indices
    return images[nearest], labels[nearest]


def of_torchattacks(name, **settings):
    return lambda model, x, y: getattr(torchattacks, name)(model, **settings)(x, y)


def of_foolbox(name, epsilon=None, **settings):
    attack = getattr(foolbox.attacks, name)(**settings)
    return lambda model, x, y: attack(foolbox.PyTorchModel(model, bounds=(0, 1)), x, y, epsilons=epsilon)[1]


def of_adv_lib(name, **settings):
    return lambda model, x, y: getattr(adv_lib, name)(model, x, y, **settings)


def white_box(model):
    loss = torch.nn.CrossEntropyLoss()
    return PyTorchClassifier(model, loss, (1, 28, 28), 10, clip_values=(0, 1), device_type="cpu")


def black_box(model):
    """Decisions alone: ART's decision attacks ask with float64, which a network of float32 doesn't take."""

    def predict(x):
        classes = model(torch.from_numpy(x).float()).argmax(1)
        return torch.nn.functional.one_hot(classes, 10).numpy()

    return BlackBoxClassifier(predict, (1, 28, 28), 10, clip_values=(0, 1))


def of_art(name, classifier, **settings):
    def run(model, x, y):
        found = getattr(evasion, name)(classifier(model), verbose=False, **settings).generate(x.numpy(), y.numpy())
        return torch.from_numpy(found).float()

    return run


EPSILON = {math.inf: 0.4, 2: 4.0}
STEPS = {"alpha": 0.05, "steps": 10, "eps": EPSILON[math.inf]}
ATTACKS = {  # the norm that is bounded, if one is
    "torchattacks.PGD": (math.inf, of_torchattacks("PGD", **STEPS)),
    "torchattacks.PGDL2": (2, of_torchattacks("PGDL2", eps=EPSILON[2], alpha=0.5, steps=10)),
    "torchattacks.NIFGSM": (math.inf, of_torchattacks("NIFGSM", **STEPS)),
    "torchattacks.SINIFGSM": (math.inf, of_torchattacks("SINIFGSM", m=2, **STEPS)),
    "torchattacks.VMIFGSM": (math.inf, of_torchattacks("VMIFGSM", N=1, **STEPS)),
    "torchattacks.PGDRS": (math.inf, of_torchattacks("PGDRS", noise_sd=0.1, noise_batch_size=2, **STEPS)),
    "torchattacks.SPSA": (
        math.inf,
        of_torchattacks("SPSA", eps=EPSILON[math.inf], delta=0.3, lr=0.2, nb_iter=4, nb_sample=8, max_batch_size=8),
    ),
    "torchattacks.SparseFool": (None, of_torchattacks("SparseFool", steps=1)),
    "torchattacks.Square": (math.inf, of_torchattacks("Square", eps=EPSILON[math.inf], n_queries=50)),
    "foolbox.L2PGD": (2, of_foolbox("L2PGD", EPSILON[2], abs_stepsize=0.5, steps=10)),
    "foolbox.VAT": (2, of_foolbox("VirtualAdversarialAttack", EPSILON[2], steps=3, xi=0.1)),
    "foolbox.NewtonFool": (None, of_foolbox("NewtonFoolAttack", steps=10, stepsize=0.1)),
    "foolbox.HopSkipJump": (
        None,
        of_foolbox(
            "HopSkipJumpAttack",
            init_attack=foolbox.attacks.LinearSearchBlendedUniformNoiseAttack(steps=20),
            steps=1,
            initial_gradient_eval_steps=20,
            gamma=1000.0,
        ),
    ),
    "adv_lib.fmn": (None, of_adv_lib("fmn", norm=math.inf, steps=20, γ_init=0.3)),
    "adv_lib.pgd_linf": (math.inf, of_adv_lib("pgd_linf", ε=EPSILON[math.inf], steps=10, absolute_step_size=0.05)),
    "art.PGD": (2, of_art("ProjectedGradientDescent", white_box, norm=2, eps=EPSILON[2], eps_step=0.5, max_iter=10)),
    "art.HopSkipJump": (None, of_art("HopSkipJump", black_box, max_iter=1, max_eval=20, init_eval=20, init_size=20)),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_find_adversarials(model, samples, name):
    norm, attack = ATTACKS[name]
    x, y = samples
    torch.manual_seed(0)
    np.random.seed(0)
    adversarials = attack(model, x.clone(), y.clone())
    assert adversarials.shape == x.shape and adversarials.dtype == x.dtype
    assert ((adversarials >= -ROUNDING) & (adversarials <= 1 + ROUNDING)).all()
    assert norm is None or ((adversarials - x).flatten(1).norm(norm, dim=1) <= EPSILON[norm] + ROUNDING).all()
    assert (model(adversarials.clamp(0, 1)).argmax(1) != y).any()


def test_art_walks_the_layers_of_the_right_model(model, test_set):
    images, _ = test_set
    found = white_box(model).predict(images.numpy())
    torch.testing.assert_close(torch.from_numpy(found), model(images).detach(), atol=1e-3, rtol=0)


class Clock:
    """An event of a GPU's clock, where there is no GPU."""

    def __init__(self, enable_timing):
        self.record = lambda: None

    def elapsed_time(self, end):
        return 0.0


def test_adv_libs_run_attack(model, samples, monkeypatch):
    if not torch.cuda.is_available():
        monkeypatch.setattr(torch.cuda, "Event", Clock)
        monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    x, y = samples
    attack = ATTACKS["adv_lib.fmn"][1]
    found = run_attack(model, x, y, lambda model, x, y, targeted: attack(model, x, y))
    assert (model(found["adv_inputs"]).argmax(1) != y).any()
    assert found["num_forwards"] == found["num_backwards"] == 20


@pytest.mark.parametrize("package", ["numpy", "requests", "torch"])
def test_the_libraries_leave_the_lock_as_it_is(package):
    lock = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line)
    assert version(package).split("+")[0] == lock[package]
