"""Along the prior's denoising steps, and where neighbouring GOPs meet."""
