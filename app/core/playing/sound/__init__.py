"""What is heard, and the device that plays it."""
