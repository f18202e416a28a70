"""Work that is split into units, done by processes of this machine or by a Ray cluster behind one interface."""
