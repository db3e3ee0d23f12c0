"""Studies: the store, run and resume, records and tables."""
