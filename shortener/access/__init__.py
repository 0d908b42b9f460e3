"""Identifies the sender of a request and decides what they may do."""
