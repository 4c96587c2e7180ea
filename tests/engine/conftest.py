"""The suite runs inside a container: here it is only data."""

collect_ignore = ["suite"]
