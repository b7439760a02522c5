"""The settings of attacks, a module an attack, named as that of `attacks` which defines it."""
