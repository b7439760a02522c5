"""How every attack on every model is run: recorded, seeded, resumed, verified, stored. The attacks know nothing of it."""
