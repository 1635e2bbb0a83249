"""Nearest neighbours in PostgreSQL: the indexes of embedding spaces, and how each question is answered from them."""
