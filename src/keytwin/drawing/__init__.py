"""Drawings of the design half: one scene of boxes, ports, wires and labels, layouts that make it, and one SVG painter.

A layout is a pure function from the model to a `Scene`; text is measured with a table that is shipped, so that what is
laid out is what is painted, wherever it is painted.
"""
