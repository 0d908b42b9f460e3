"""Where links may lead."""
