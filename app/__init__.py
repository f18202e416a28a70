"""The desktop application: a window around the engine, which runs in a child process of its own."""
