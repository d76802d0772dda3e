"""The dream core: gradient ascent over octaves, under a ceiling on the loss."""
