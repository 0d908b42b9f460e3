"""The audit log: who did what to what, from where, and by which login or key."""
