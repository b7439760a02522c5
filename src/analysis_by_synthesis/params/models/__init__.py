"""What models have to know, as their config.json and `models` in params.yaml have it: a module a kind of model."""
