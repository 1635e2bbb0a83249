"""What makes Ragstone better, provably: evaluation."""
