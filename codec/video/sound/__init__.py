"""Sound: its packets, its samples on the clip's clock, and the codec it travels in."""
