"""Many files: what to encode into which folder, by which workers, and a table of what came of each."""
