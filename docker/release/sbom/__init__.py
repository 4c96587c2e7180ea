"""The parts of an image: what each is, under which licence, and which of the image's files it owns."""
