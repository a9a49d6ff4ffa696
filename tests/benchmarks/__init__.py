"""How fast losslint is, beside its peers: `python -m tests.benchmarks`."""
