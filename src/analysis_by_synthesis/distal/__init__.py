"""Distal adversarials (section 7): images far from the data that a model is certain about."""
