# Everything here works from a bare clone: the environment is made when it is missing or older than what it is made of.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run test light lint docs links bench bench-short lab clean

run: $(VENV)/.installed  ## the main job on the embedded dataset: leaderboards/ is written anew
	$(BIN)/ntgbench run

test: $(VENV)/.installed  ## the whole test suite; on real traffic too where NTGBENCH_REAL_TRAFFIC names its folder
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(VENV)/.installed  ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/.installed  ## the documentation as a site in build/docs, warnings are errors
	$(BIN)/python -m sphinx -E -a -W --keep-going -n -q -c docs . build/docs

links: $(VENV)/.installed  ## links of the documentation to other sites; needs a network
	$(BIN)/python -m sphinx -q -b linkcheck -c docs . build/links

BENCH = $(BIN)/python -m pytest benchmarks -c benchmarks/pytest.ini --benchmark-json=build/benchmarks.json

bench: $(VENV)/.installed  ## the benchmarks in full, and a table of what they are compared with
	mkdir -p build
	$(BENCH)
	$(BIN)/python -m benchmarks.gate build/benchmarks.json --again

bench-short: $(VENV)/.installed  ## the benchmarks, few rounds each, without the long ones; fails on a gross slowdown
	mkdir -p build
	$(BENCH) --benchmark-max-time=0.2 --benchmark-min-rounds=2 --benchmark-warmup=off -m "not long"
	$(BIN)/python -m benchmarks.gate build/benchmarks.json --again

LIGHT = build/light

light:  ## the installation without extras, in an environment of its own: what it can do, and its size
	rm -rf $(LIGHT)
	$(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt .
	$(LIGHT)/bin/ntgbench list systems
	$(LIGHT)/bin/ntgbench run -d simulated -s real -s markov -s smote --seeds 1 --suite fidelity --suite utility \
		--runs $(LIGHT)/runs --out $(LIGHT)/leaderboards
	$(LIGHT)/bin/python -m pip uninstall --quiet --yes setuptools
	@du -sm --exclude=pip --exclude='pip-*' $(LIGHT)/lib/python3*/site-packages | awk '{print $$1 " MB without extras, 450 at most"; exit $$1 > 450}'

LAB_OUT ?= build/lab
LAB_SEED ?= 1

lab: $(VENV)/.installed  ## the lab's traffic is made anew in build/lab: real programs in network namespaces; needs root
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt -r benchmarks/lab/requirements.txt
	$(if $(filter 0,$(shell id -u)),,sudo) $(BIN)/python -m benchmarks.lab --out $(LAB_OUT) --seed $(LAB_SEED)

clean:
	rm -rf $(VENV) build dist runs

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench,dask,docs,lint,models,netdiffusion,realtabformer,slurm,test]'
	touch $@
