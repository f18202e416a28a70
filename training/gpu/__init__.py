"""A quarter of an hour on a borrowed GPU: what travels there, how it is unpacked, what runs. See README.md here."""
