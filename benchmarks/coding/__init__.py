"""How well the parts of the stream are coded and read elsewhere."""
