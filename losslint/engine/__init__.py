"""From findings to results: check, fix, suppress."""
