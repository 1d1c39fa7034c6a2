"""Paper A's design work: variability, selection, views, composition, SysML v2."""
