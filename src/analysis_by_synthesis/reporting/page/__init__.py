"""results.html: everything on one page."""
