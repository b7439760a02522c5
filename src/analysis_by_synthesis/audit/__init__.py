"""Checks everything that this repository claims, from its committed files alone: `python -m analysis_by_synthesis.audit`."""
