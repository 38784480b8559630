"""What all adapters need: clients of the platform, work kept while there is no network."""
