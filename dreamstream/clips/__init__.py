"""Clips made of one picture: the zoom that never ends, and the dream that grows and returns."""
