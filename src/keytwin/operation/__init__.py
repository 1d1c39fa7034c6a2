"""A live network: its state on disk, its certificates and faces, and what its operator does with it."""
