"""The database before the gateway serves: found, reachable, migrated, and readable with the salt key given."""
