"""Helpers for the event loop: tasks, callbacks, and long work in slices."""
