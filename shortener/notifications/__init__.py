"""Notifications of marks of clicks, of links that expire or are reported, of mentions and invitations."""
