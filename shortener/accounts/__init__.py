"""Accounts: registration, logins, keys, and what people may change about their account."""
