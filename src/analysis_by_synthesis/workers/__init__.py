"""All stale stages, their pieces of work side by side: on the cores of this machine, or on a cluster."""
