"""Attacks, one a module: `Attack` here, its `Settings` in the module of the same name in `params.attacks`."""
