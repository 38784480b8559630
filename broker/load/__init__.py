"""Importers of open data; they reach the broker over HTTP like anybody else."""
