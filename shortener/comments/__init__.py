"""Comments of the members of a workspace on a link."""
