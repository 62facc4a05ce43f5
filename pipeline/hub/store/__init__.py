"""What the hub knows, in one SQLite file: written by one thread, read by many."""
