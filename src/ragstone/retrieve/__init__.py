"""Floor 2, online: from a question to the passages that may answer it."""
