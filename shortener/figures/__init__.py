"""Figures of a link: counts over time and by origin."""
