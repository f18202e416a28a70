"""Pictures and sound of the original and of a finished file, in step."""
