"""Objective metrics, one file each, one signature."""
