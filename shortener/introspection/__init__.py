"""Whether a token or key is valid, for other services that clients show it to."""
