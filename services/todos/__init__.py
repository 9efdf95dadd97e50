"""Todos: each belongs to one user, lives in MongoDB, and announces what happens to it."""
