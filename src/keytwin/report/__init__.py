"""What a run looks like: event lanes, tables, figures, diagrams of state tables."""
