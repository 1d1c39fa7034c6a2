"""The service plane: what applications see of the network (paper B, Fig. 1)."""
