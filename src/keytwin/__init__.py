"""keytwin: from a need to a quantum-key-distribution network that runs, and a verdict."""
