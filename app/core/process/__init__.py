"""The window as one process among others: one instance a user, and where its garbage is collected."""
