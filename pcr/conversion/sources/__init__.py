"""Where the images of a conversion come from: each kind of source is a module here."""
