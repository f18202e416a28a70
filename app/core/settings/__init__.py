"""What the user prefers, and the settings that have a name."""
