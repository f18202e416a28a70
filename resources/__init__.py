"""Files that ship with the program: weights, icons, metric heads."""
