"""What the networks are worth and what they cost."""
