"""Clicks: from the redirect into the stream, and from the stream into PostgreSQL."""
