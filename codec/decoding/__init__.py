"""From records to pictures and sound."""
