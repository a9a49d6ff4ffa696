"""LL1xx: learned task weights."""
