"""PostgreSQL and Valkey as child processes of `shortener up`."""
