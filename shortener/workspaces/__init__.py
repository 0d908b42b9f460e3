"""Workspaces: whose links are whose, members and invitations."""
