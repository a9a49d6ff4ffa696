"""From text to meaning. The only package that knows how libcst finds its way about a tree."""
