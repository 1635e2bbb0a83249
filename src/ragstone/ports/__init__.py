"""Floor 1: what the core asks of the world, one Protocol a page."""
