"""The queue of encodes and the child process that works through it."""
