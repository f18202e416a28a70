"""Getting published files onto this machine: what a hub says of them, resumable downloads, hashes."""
