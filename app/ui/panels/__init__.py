"""The column beside the canvas, and the dialog of models."""
