"""A timeline of events on a running network, and what came of it: `Scenario` -> `Evidence`."""
