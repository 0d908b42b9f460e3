"""The event loop: tasks that end, callbacks, and long work in slices."""
