"""Write the past of bots as their live series would have looked."""
