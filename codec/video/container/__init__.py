"""Files as FFmpeg opens them: which are refused, which of their tracks count, and packets on one clock."""
