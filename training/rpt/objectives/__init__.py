"""What is asked at a position of a text, and what an answer to it is worth: one module for each objective."""
