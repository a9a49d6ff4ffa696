"""What only the files of a project together can tell: facts gathered from each, and joined."""
