"""Coverage-guided fuzzing of all that losslint parses: `python -m tests.fuzz --help`."""
