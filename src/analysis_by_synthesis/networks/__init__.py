"""Parametric networks, whose weights are trained."""
