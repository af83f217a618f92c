"""Training: data, model, epochs, metrics, checkpoints, pictures. `engine.run` is a whole run."""
