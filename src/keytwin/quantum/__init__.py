"""The quantum layer: channels, protocols, distillation and the twins of Q-links. Lowest layer of paper B's Fig. 1."""
