"""Search by words in PostgreSQL: segments of postings in its tables, scored in the process that asks."""
