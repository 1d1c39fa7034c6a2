"""From a need to a verdict: the design half is handed what the other half knows. Paper A, steps 4 and after."""
