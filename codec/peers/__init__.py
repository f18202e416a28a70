"""Other codecs at the same size."""
