"""PostgreSQL and Redis: connections, sessions, queues, and behaviour when one of them is down."""
