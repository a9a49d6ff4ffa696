"""Run a loss before and after under torch. The only package that imports torch."""
