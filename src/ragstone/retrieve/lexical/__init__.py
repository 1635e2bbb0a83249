"""Search by words over immutable segments of postings: how they are made, merged and scored, in arrays."""
