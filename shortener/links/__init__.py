"""Links: creating, reading, changing and deleting them."""
