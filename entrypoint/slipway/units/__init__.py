"""Units for systemd and Podman, made of the same plan that a container is started by: ``explain --format systemd``."""
