"""Addresses of clients: their bytes, and where they are."""
