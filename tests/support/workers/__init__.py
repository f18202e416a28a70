"""Units of work, and a cluster to do them."""
