"""Helpers for the event loop: tasks, callbacks, turns of requests, and long work in slices."""
