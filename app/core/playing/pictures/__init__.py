"""Pictures of both sides: read, kept, enlarged, and small ones of the whole."""
