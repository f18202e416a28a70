"""How coarse a base and how many steps each GOP gets, for a quality, a bitrate or a size."""
