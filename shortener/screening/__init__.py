"""Decides where links may lead."""
