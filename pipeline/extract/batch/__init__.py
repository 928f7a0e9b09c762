"""`mathmill extract` over many pages: where they come from, how they are fetched, and what is written of them."""
