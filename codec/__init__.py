"""Free-GVC's engine: video to `.fgvc` and back. Knows nothing of Qt or of `app`."""
