"""The audit log: who did what to what, from which network, and with which login or key."""
