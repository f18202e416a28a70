"""The columns beside the canvas, and the line below it."""
