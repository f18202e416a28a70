"""Large video diffusion models through diffusers: what they share, and one module for each family."""
