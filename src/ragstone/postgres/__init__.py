"""Floor 3: the record in PostgreSQL, its indexes and its queue."""
