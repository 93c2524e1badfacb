"""Workers, one module each."""
