# The whole lab from a fresh checkout; needs Python 3.11 or newer, make and a package registry.
BIN := .venv/bin
export PYTHON

.PHONY: help lab run test test-all check lint notebooks reference bench lock clean
help:
	@echo "make lab        set up (once) and open the notebooks in JupyterLab"
	@echo "make run        set up (once) and run the course on the data that is here; the report lands in out/"
	@echo "make test       set up (once) and run ruff, mypy, nbval over all notebooks, and the quick tests: five minutes"
	@echo "make test-all   the same with every test, those of sandboxes, browsers and whole nights too: half an hour"
	@echo "make check      lint and the quick tests alone, within a minute"
	@echo "make lint       ruff, mypy, and the floors that imports keep to"
	@echo "make notebooks  build the stored notebooks from their text twins in notebooks/source"
	@echo "make reference DATA=FOLDER  repeat the reference results on MNIST and CIFAR-10 in FOLDER (90 minutes)"
	@echo "make bench DATA=FOLDER      run every benchmark on MNIST and CIFAR-10 in FOLDER (an hour and a half; with"
	@echo "                QUICK=--quick, five minutes)"
	@echo "make lock       pin the newest versions that pyproject.toml allows in requirements.lock"
	@echo "make clean      remove .venv, out/ and caches"

.venv/installed: pyproject.toml requirements.lock tools/setup.sh
	@sh tools/setup.sh

run: .venv/installed
	@$(BIN)/labkit run --out out

# The variable puts the kernels of .venv before those of the same name that the user has from elsewhere.
lab: .venv/installed
	@JUPYTER_PREFER_ENV_PATH=1 $(BIN)/jupyter lab notebooks

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/labkit notebooks --check

# What a change is tried with in between: no kernel, no other process, no browser, nothing that takes long.
QUICK := -m "not slow and not browser and not root"
check: lint
	$(BIN)/python -m pytest -q -n 2 --dist worksteal $(QUICK) tests

# nbval runs the notebooks as they are stored, on warm kernels: embedded data, results in their own folder. The report built from
# them proves that every figure, table and number it names was made, and that every figure's file exists. Tests that run the
# notebooks again, as students do, take their trainings. Files of tests run in the order of tests/conftest.py: long ones first.
test: ONLY := $(QUICK)
test test-all: lint
	scratch=$$(mktemp -d) && mkdir "$$scratch/data" && trap 'rm -rf "$$scratch"' EXIT && \
	LABKIT_DATA="$$scratch/data" LABKIT_OUT="$$scratch/out" LABKIT_THREADS=1 $(BIN)/python -m pytest \
	    -n 2 --dist loadscope \
	    --nbval --nbval-kernel-name=labkit-warm --nbval-cell-timeout=600 --nbval-sanitize-with=tests/nbval_sanitize.cfg \
	    notebooks/*.ipynb && \
	$(BIN)/labkit report "$$scratch/out" && \
	LABKIT_TRAINED="$$scratch/out/cache" $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ONLY) tests

notebooks: .venv/installed
	@$(BIN)/labkit notebooks

# Its long sweeps train in processes of one thread each, on all cores.
reference: .venv/installed
	$(BIN)/labkit run --profile full --data "$(DATA)" --out out/reference
	$(BIN)/labkit reference out/reference

# Everything in benchmarks/, on MNIST and CIFAR-10 in FOLDER, one after the other; the results land in docs/speed.md. QUICK=--quick
# takes less of everything.
bench: .venv/installed
	$(BIN)/python -m pip install -q -e '.[bench]'
	for script in sweep time_to_accuracy peers limit grouped_convolutions inner_loop notebooks grading pages alike marking update; do \
	    echo "$$script ..." && $(BIN)/python benchmarks/$$script.py --data "$(DATA)" $(QUICK) || exit 1; done
	$(BIN)/python benchmarks/page.py

lock:
	uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
	    --no-annotate --no-header -o requirements.lock

clean:
	rm -rf .venv out .mypy_cache .pytest_cache .ruff_cache
