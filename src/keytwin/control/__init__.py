"""The control plane: access, admission, routing, monitoring, controller. Paper B, 3.2; ETSI GS QKD 015 V2.1.1."""
