"""How a safe form is written: edits, imports, inserted statements."""
