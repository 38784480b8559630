"""What commands may have the running module do, over its admin socket."""
