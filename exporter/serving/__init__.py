"""What others see: the metrics page, the status page and the answers of the web server."""
