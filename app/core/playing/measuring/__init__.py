"""Figures of what is shown, measured beside the playing."""
