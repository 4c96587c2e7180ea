"""``slipway egress``: the hosts that a configuration makes the gateway talk to, worked out without asking anybody."""
