"""The settings of attacks: a module an attack, with the name of the module of `attacks` that defines it."""
