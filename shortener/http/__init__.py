"""What every HTTP route shares: problem documents, pages, times, limits of bodies, security headers."""
