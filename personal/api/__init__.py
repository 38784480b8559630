"""HTTP of the module: requests to calls, answers to responses, who sends them."""
