"""Tells other services whether a token or key that they received is valid."""
