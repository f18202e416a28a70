"""The bundled stand-in for DISTS (`pocket-dists`): pairs of pictures, their teacher, its training."""
