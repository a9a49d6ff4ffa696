"""From results to bytes, one format a file."""
