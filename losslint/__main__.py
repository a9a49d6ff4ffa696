"""`python -m losslint` is `losslint`."""

import sys

if __name__ == "__main__":
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        # The working directory, where Python looks first: what is checked may be anybody's.
        del sys.path[0]
    from losslint.cli import main

    raise SystemExit(main())
