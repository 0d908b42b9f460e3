"""Hashes of passwords, whose computation takes long on purpose."""
