"""Pretrained video diffusion models behind one protocol."""
