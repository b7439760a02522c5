"""Everything that params.yaml says, typed, and nothing that computes: a module a block, without PyTorch."""
