"""Neural-architecture search over hybrid unit combinations."""
