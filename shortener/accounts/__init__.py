"""Accounts: registering, logging in, keys, and what people may change of theirs."""
