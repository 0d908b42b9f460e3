"""Domains with links of their own."""
