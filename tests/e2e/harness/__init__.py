"""What the end-to-end tests are made of: real processes on ports of their own, and ways to look at them."""
