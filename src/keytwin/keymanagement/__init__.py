"""The key-management plane: pads, pools, relay and sessions of one key manager. Paper B, 3.1 and 3.3; ITU-T Y.3803."""
