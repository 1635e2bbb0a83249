"""The routes, one file per subject: each handler translates, calls the core, and translates back."""
