"""PDFs: the text as it is laid out on pages, and the tables that lines and gaps make there."""
