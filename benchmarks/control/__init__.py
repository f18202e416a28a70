"""What the controller reaches and what its choices cost."""
