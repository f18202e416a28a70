"""Videos made on the spot, whole and broken."""
