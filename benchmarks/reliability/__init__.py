"""Encodes that are killed, files that are damaged."""
