"""t*, bits and quality over time and rate."""
