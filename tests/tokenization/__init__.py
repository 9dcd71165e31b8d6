"""Training examples: what is refused, what leaks, what a preview shows."""
