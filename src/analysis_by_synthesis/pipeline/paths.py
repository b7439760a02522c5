"""Where results lie in a project."""

from pathlib import Path

MODELS = Path("models")
ATTACKS = Path("results/attacks")
BOUNDS = Path("results/bounds")
CALIBRATION = Path("results/calibration")
CLEAN = Path("results/clean")
DISTAL = Path("results/distal")
RESULTS = Path("results")
EXPERIMENT = Path("results/experiment.json")
TRAINING = Path("results/training")
METRICS = Path("metrics")
PLOTS = Path("plots")
