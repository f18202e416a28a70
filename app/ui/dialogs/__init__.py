"""What opens over the window: file dialogs, the models, keys and the log."""
