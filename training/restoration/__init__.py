"""A network that restores a base in steps: its items, its losses, its training."""
