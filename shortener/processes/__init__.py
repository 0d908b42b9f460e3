"""Starts and supervises the processes of the service, and checks their health."""
