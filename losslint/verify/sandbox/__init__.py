"""How other people's code is run: an allow-list, a process of its own, and what confines that."""
