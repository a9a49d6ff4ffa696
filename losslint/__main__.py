"""`python -m losslint` is `losslint`."""

from losslint.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
