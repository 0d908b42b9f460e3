"""Operators' commands: start everything, diagnose, create sample data."""
