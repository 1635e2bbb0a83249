"""Web pages, made fit for being read: balanced, and not too deep."""
