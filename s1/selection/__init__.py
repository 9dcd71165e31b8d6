"""Which questions become the training set. See ``s1.selection.recipes``."""
