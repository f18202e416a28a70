"""How coarse a base each GOP of a segment gets: its level, and where its restoration stops."""
