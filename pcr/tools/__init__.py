"""What a user does with a finished dataset: verify, export, profile, look."""
