# Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STORE ?= purlieu-store
AT_ONCE ?= $(shell $(PYTHON) -c 'import os; print(min(len(os.sched_getaffinity(0)) + 1, 4))')

.PHONY: demo test faults bench soak fuzz serve page lint clean

# Installed once, and again when the dependencies change.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("purlieu needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt $(VENV)/.installed
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

# Builds the index over the Debian archive in data/, then asks it what it can answer. Each line shown can be typed.
define ask
@echo; echo '$$ $(BIN)/purlieu $(1)'
@$(BIN)/purlieu $(1) --store $(STORE)
endef

demo: $(VENV)/.installed
	$(BIN)/purlieu build config/debian.toml --store $(STORE)
	$(call ask,query debian similar --node nginx -k 8)
	$(call ask,query debian ppr --seed python3-numpy python3-scipy -k 10)
	$(call ask,query debian community --seed postgresql --size 20)
	$(call ask,query debian labels --node nginx)
	$(call ask,query debian search --text "convert a video to another format" -k 10)
	@printf '\nTo ask over HTTP: make serve  (then look at http://127.0.0.1:8321)\n'

# A process for each core and one more, since many tests wait for servers. A file keeps to one process; the order is that
# of tests/running_order.py.
test: $(VENV)/.installed-test
	$(BIN)/python -P -m pytest --numprocesses $(AT_ONCE) --dist loadfile --no-loadscope-reorder

# Some half an hour of faults, and the page that says what came of them.
faults: $(VENV)/.installed-test
	$(BIN)/python -P -m tests.faults --write docs/reliability.md

# Half an hour of questions, right and wrong, while versions change: answers, refusals and memory are held to account.
soak: $(VENV)/.installed-test
	$(BIN)/python -P -m tests.serving.soak

# Ten thousand requests made from the service's own description; it must keep its word in each.
fuzz: $(VENV)/.installed-test
	$(BIN)/python -P -m tests.serving.fuzz

lint: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: $(VENV)/.installed-test
	$(BIN)/python -P -m benchmarks

serve: $(VENV)/.installed
	$(BIN)/purlieu serve --store $(STORE)

# The page at /, from its TypeScript; needs Node.js 20. What it builds is kept in git and ships in the wheel.
page:
	cd serving/page && npm ci --ignore-scripts --no-audit --no-fund && npm run --silent build

clean:
	rm -rf $(VENV) $(STORE) build *.egg-info
