"""What `freegvc` does beyond encoding and decoding, and how it prints."""
