"""What admins do: bans, reports, users and everybody's links."""
