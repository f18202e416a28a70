"""Where original and reconstruction are looked at."""
