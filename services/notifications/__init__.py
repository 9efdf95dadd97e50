"""Mails: rendered, sent once, and reported."""
