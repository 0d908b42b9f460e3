"""QR codes of short URLs, and the logos of workspaces that they can show."""
