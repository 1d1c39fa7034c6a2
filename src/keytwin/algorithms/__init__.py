"""Pure algorithms that several planes need."""
