"""Strict reading and writing of the users' YAML files, and their JSON Schemas."""
