"""Abuse: bans, look-alike hosts, block lists and reports."""
