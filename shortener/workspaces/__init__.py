"""Workspaces, which own links, with their members and invitations."""
