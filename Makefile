# Everything here needs Python 3.11, make and git, and nothing else.
PYTHON ?= $(firstword $(shell command -v python3.11) $(shell command -v python3))
BIN := .venv/bin
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: setup repro cifar released audit test test-all smoke bench lint gpu-rows

setup: .venv/installed

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "requirements.txt locks the versions for Python 3.11; run: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@test -e .git || $(BIN)/dvc config --local core.no_scm true  # a ZIP file of the project
	touch $@

repro: setup
	$(if $(JOBS),$(RUN) python -m analysis_by_synthesis work --jobs $(JOBS))
	$(RUN) python -m analysis_by_synthesis repro

# Table 2: downloads CIFAR-10, or takes it from the folder that ABS_FILES names.
cifar: setup
	cd two_class_cifar && $(RUN) python -m analysis_by_synthesis repro

# The authors' own networks: downloads them, or takes them from the folder that ABS_FILES names.
released: setup
	$(RUN) dvc repro released/dvc.yaml
	cp released/metrics/table1.csv released/table1.csv  # what the stage `control` of the paper's pipeline reads
	@cat released/metrics/table1.md

audit: setup
	$(RUN) dvc repro --quiet --single-item download
	$(BIN)/python -m analysis_by_synthesis audit

smoke: setup
	$(BIN)/python tests/smoke.py

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test: setup
	$(RUN) dvc repro --quiet --single-item download
	$(PYTEST) -m "not extras"

test-all: .venv/extras
	$(RUN) dvc repro --quiet --single-item download
	$(PYTEST) -m extras

.venv/extras: .venv/installed requirements-extras.txt requirements-clients.txt requirements-cluster.txt
	$(BIN)/pip install --quiet --no-deps --requirement requirements-extras.txt --requirement requirements-clients.txt --requirement requirements-cluster.txt
	touch $@

# With OLD=FOLDER, a worktree of 58da3a0 with MNIST in its data/mnist, networks and the dearest cells beside that too.
bench: setup
	$(BIN)/python benchmarks/inference.py
	$(if $(OLD),$(BIN)/python benchmarks/networks.py $(OLD) && $(BIN)/python benchmarks/cells.py $(OLD))

# What two cores can't afford, for a GPU that is there for minutes only: `dvc repro` goes on from the finished chunks in .work/.
GE := fgm_ge fgsm_ge deepfool_l2_ge deepfool_linf_ge l2_bim_ge bim_ge mim_ge
gpu-rows:
	@for attack in $(GE); do for model in madry binary_cnn cnn; do PYTHONPATH=src $(or $(wildcard $(BIN)/python),python) stages/attack.py $$model $$attack || exit 1; done; done
