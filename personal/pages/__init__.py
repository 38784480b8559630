"""Pages for staff, and a small one for residents, over the module's own operations."""
