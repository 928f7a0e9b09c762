"""Programs that measure, run from the root of a clone: `python -m benchmarks.NAME` writes results/NAME.json."""
