"""Pages for admins. For everybody else they do not exist."""
