"""What measures the product: no part of what is installed."""
