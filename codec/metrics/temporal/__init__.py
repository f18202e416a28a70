"""Metrics of how pictures follow one another."""
