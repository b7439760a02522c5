"""Attacks, one a module.

An attack is a function `attack(recorder, images, labels, settings)` beside a class `Settings` of its parameters. It only
has to ask: the recorder keeps, of all images that it asks for, the closest ones that the model misclassifies. It may return
columns (N,) of its own, which stand in the records.
"""
