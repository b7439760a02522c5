"""How stages run: the code that they are made of, how they fail, go on, and write what they have made."""
