"""What the words mean: types that every plane shares and that import nothing of keytwin."""
