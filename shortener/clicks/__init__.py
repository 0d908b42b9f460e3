"""Clicks: from the redirect into the stream, from the stream into Postgres, and from there into figures."""
