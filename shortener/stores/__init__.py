"""PostgreSQL and Redis: connections, sessions, queues, and what holds when one of them is away."""
