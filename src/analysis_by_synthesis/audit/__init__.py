"""Checks of everything that this repository claims, from its committed files alone."""
