"""Floor 2, offline: from bytes to chunks that are found by words and by meaning."""
