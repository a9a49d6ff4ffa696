"""libcst, imported swiftly: half of the time goes into methods of nodes that no file has."""

from losslint.frozen import swiftly

with swiftly():
    import libcst  # noqa: F401
