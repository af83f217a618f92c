"""Training: configuration, data, model, epochs, metrics, checkpoints. `engine.run` is the way in."""
