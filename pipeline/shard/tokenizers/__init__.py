"""The bundled tokenizer, and the program that made it."""
