"""Who is asking: users, their logins and API keys."""
