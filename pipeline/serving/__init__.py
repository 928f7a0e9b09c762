"""Model servers over HTTP: asked with patience, as fast as they answer; started and ended where they are our own."""
