"""What an operator runs: everything at once, a diagnosis, made-up data."""
